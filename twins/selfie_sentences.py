"""What people read when a live selfie was refused: ml's sentences, marked for translation."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

SENTENCES: dict[str, Any] = {
    "selfie_no_face": _(
        "Your face was not seen. Hold the camera at the height of your eyes, "
        "with your whole face in the picture."
    ),
    "selfie_several_faces": _("Somebody else is in the picture. Take the selfie alone."),
    "selfie_too_dark": _("It is too dark. Turn towards a window or a lamp."),
    "selfie_too_small": _("Your face is too small. Come nearer to the camera."),
    "selfie_blurred": _("The picture is not sharp. Clean the camera, hold it still, and move slowly."),
    "selfie_still": _(
        "Nothing moved as a living head does. Take the selfie with your own face, and follow each movement."
    ),
    "selfie_screen": _("This looks like a screen before the camera. Take the selfie with your own face."),
    "selfie_other_face": _(
        "This does not seem to be the person on the photos. The person on the photos must take the selfie."
    ),
    "selfie_drawn": _(
        "This is a drawing, and the photos are photographs. Take the selfie with your own face."
    ),
    "selfie_unreadable": _(
        "The pictures of your camera did not arrive whole. Check the connection and try again."
    ),
}
# Of `selfie_wrong_movement`, by the movement that was not seen.
MOVEMENTS: dict[str, Any] = {
    "left": _(
        "Your turn to the left was not seen. Begin from the front, then turn your head clearly to your left."
    ),
    "right": _(
        "Your turn to the right was not seen. Begin from the front, "
        "then turn your head clearly to your right."
    ),
    "up": _("Your look up was not seen. Begin from the front, then lift your chin clearly."),
    "blink": _(
        "Your blink was not seen. Face the camera, close both eyes for a moment and open them again. "
        "Take off dark glasses."
    ),
}
# Of `selfie_other_face`, when one movement shows another face than the rest of the selfie.
CHANGED = _(
    "Not all pictures show the same face. Take the selfie again, alone and with your face in good light."
)


def sentence_of(code: str, movement: str = "") -> Any:
    """Why a selfie was refused. `movement`: the name of the one it was refused for, or ""."""
    if code == "selfie_wrong_movement":
        return MOVEMENTS[movement]
    return CHANGED if code == "selfie_other_face" and movement else SENTENCES[code]
