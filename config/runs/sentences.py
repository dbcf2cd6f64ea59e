"""The sentences that users read when a run failed, by error code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

APOLOGY = _("Something went wrong on our side. What was not delivered costs nothing. Please try again.")
NOT_READY = _(
    "This base is not ready on our machines. What was not delivered costs nothing. Choose another base."
)
NOT_AVAILABLE = _(
    "This engine cannot be used at the moment, and we have been told why. What was not delivered costs "
    "nothing. Choose another engine, or try again later."
)
LOST_THERE = _(
    "The company that runs this engine lost this work. What was not delivered costs nothing. "
    "Please try again."
)
SENTENCES: dict[str, Any] = {
    "worker_lost": _(
        "The machine that worked on this stopped. What was not delivered costs nothing. Please try again."
    ),
    "likeness_too_low": _(
        "The twin does not resemble its photos enough. Nothing was charged. More and more varied photos help."
    ),
    "result_refused": _("What came out may not be shown. Nothing was charged for it. Try other words."),
    "out_of_memory": _(
        "There was not enough memory for this. What was not delivered costs nothing. Choose a smaller size."
    ),
    "does_not_fit": _(
        "The machine has too little memory for this base. What was not delivered costs nothing. "
        "Choose another base."
    ),
    "avatar_no_front": _(
        "No photo shows the face from the front. Nothing was charged. Add one that looks at the camera."
    ),
    "avatar_photos_differ": _(
        "The photos differ too much in colour to draw one person. Nothing was charged. Choose photos in"
        " similar light."
    ),
    "avatar_not_shown": _(
        "The trained twin does not draw its avatar well enough. Nothing was charged. Train it again, or"
        " correct the avatar first."
    ),
    "avatar_unreadable": _("The avatar cannot be read. Nothing was charged. Have it drawn anew."),
    "base_missing": NOT_READY,
    "base_broken": NOT_READY,
    "reference_gone": _(
        "The picture that this begins from was deleted or locked. Nothing was charged. Choose another one."
    ),
    "reference_not_allowed": _(
        "This picture cannot be used as a start. Nothing was charged. Choose another one."
    ),
    "mask_wrong_size": _("The mask is not as large as the picture. Nothing was charged. Paint it again."),
    "mask_empty": _("Nothing is marked in this picture. Nothing was charged. Paint over the part instead."),
    "part_not_found": _(
        "No face was found in this picture, so this part is not known. Nothing was charged. "
        "Paint over the part instead."
    ),
    "engine_without_reference": _(
        "This engine cannot begin from one of your pictures. Nothing was charged. Choose another engine."
    ),
    "print_too_large": _(
        "This picture is already as large as pictures can be made here. Nothing was charged."
    ),
    "no_face": _(
        "No face was found in this picture. Nothing was charged. Choose one that shows a face clearly."
    ),
    "several_faces": _(
        "There are more than 20 faces in this picture. Nothing was charged. Cut it into parts first."
    ),
    "face_too_small": _(
        "The faces in this picture are less than 24 pixels wide. Nothing was charged. "
        "There is too little of them to restore."
    ),
    "nothing_to_restore": _(
        "The faces in this picture are sharp already. Nothing was charged. "
        "Choose a larger size or restore the background too, if you want that."
    ),
    "restorer_missing": NOT_AVAILABLE,
    "restorer_broken": NOT_AVAILABLE,
    "spandrel_missing": NOT_AVAILABLE,
    "engine_without_video": _("This engine makes no clips. Nothing was charged. Choose another engine."),
    "motion_unknown": _(
        "This engine does not know this movement. Nothing was charged. Choose one of the list."
    ),
    "duration_out_of_range": _(
        "A clip takes 3 to 5 seconds. Nothing was charged. Choose a length from there."
    ),
    "unsteady": _(
        "The clip flickers too much to be shown. Nothing was charged. Try another picture or movement."
    ),
    "storage_full": _(
        "There was no room left to save this. What was not delivered costs nothing. Please try again later."
    ),
    "file_damaged": _(
        "A file that this needs is damaged in our storage. What was not delivered costs nothing. "
        "Use another photo or another twin."
    ),
    "picture_unsafe": _(
        "This picture shows nudity or something else that cannot be used here. Nothing was charged. "
        "Choose another one."
    ),
    "picture_blocked": _(
        "This picture is on a list of pictures that may not be here. Nothing was charged. If you think that "
        "this is a mistake, write to us."
    ),
    "screening_unavailable": _(
        "Pictures cannot be checked at the moment, and without a check none is made. Nothing was charged. "
        "Try again in some minutes."
    ),
    "adult_ended": _(
        "Adult content is not allowed for you any more. What was not delivered costs nothing. "
        "Your account says why."
    ),
    "account_suspended": _(
        "The account was suspended, so this was stopped. What was not delivered costs nothing."
    ),
    "consent_withdrawn": _("The consent that this needs was withdrawn."),
    "engine_failed": _(
        "The engine could not do this. What was not delivered costs nothing. Please try again."
    ),
    "engine_unpaid": NOT_AVAILABLE,
    "engine_key_refused": NOT_AVAILABLE,
    "engine_misconfigured": NOT_AVAILABLE,
    "engine_model_gone": NOT_AVAILABLE,
    "engine_busy": _(
        "The company that runs this engine has too much to do. What was not delivered costs nothing. "
        "Please try again in a few minutes."
    ),
    "engine_away": _(
        "The company that runs this engine could not be reached for an hour. What was not delivered costs "
        "nothing. Please try again later, or choose another engine."
    ),
    "result_gone": _(
        "The result was deleted at the company that runs this engine before it reached us. What was not "
        "delivered costs nothing. Please try again."
    ),
    "result_bad": _(
        "What the company that runs this engine sent back cannot be used. What was not delivered costs "
        "nothing. Please try again."
    ),
    "request_lost": LOST_THERE,
    "answer_lost": LOST_THERE,
    "internal": APOLOGY,
}

# By the kind of run, where a code means something else than SENTENCES say.
OF_KIND: dict[str, dict[str, Any]] = {
    "video": {
        "likeness_too_low": _(
            "The clip does not look enough like the twin. Nothing was charged. Try another picture or another"
            " movement."
        ),
        "several_faces": _(
            "Several people are in this picture. Nothing was charged. Choose one that shows your twin alone."
        ),
        "face_too_small": _(
            "The face is too small in this picture. Nothing was charged. Choose one that shows it from"
            " nearer."
        ),
    }
}


def sentence_of(code: str, kind: str = "") -> Any:
    """None for a code that has no sentence."""
    return OF_KIND.get(kind, {}).get(code) or SENTENCES.get(code)
