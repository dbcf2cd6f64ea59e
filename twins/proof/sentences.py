"""What people read about a selfie: each movement, and why one was refused."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.runs.sentences import SENTENCES as RUN_SENTENCES
from twins.proof.models import Selfie

STEPS: dict[str, Any] = {
    "left": _("Turn your head to your left"),
    "right": _("Turn your head to your right"),
    "up": _("Tip your head back a little"),
    "blink": _("Blink slowly, again and again"),
}
REFUSALS: dict[str, Any] = {
    "selfie_no_face": _("No face could be seen. Hold the camera before your face, and start again."),
    "selfie_several_faces": _("More than one face was seen. Be alone before the camera, and start again."),
    "selfie_too_dark": _("It was too dark. Turn to a window or a lamp, and start again."),
    "selfie_too_small": _("Your face was too far away. Come nearer to the camera, and start again."),
    "selfie_blurred": _(
        "The pictures were not sharp. Clean the lens, hold the camera still, and start again."
    ),
    "selfie_still": _("Nothing moved. This needs a living face before the camera, not a photo."),
    "selfie_screen": _("This looks like a screen before the camera. Show your own face."),
    "selfie_wrong_movement": _("A movement was missing or another one. Follow each line as it appears."),
    "selfie_other_face": _("This face is not that of the photos. Only the person in the photos can do this."),
    "selfie_unreadable": _("The pictures of the camera could not be read. Start again, or use a phone."),
    "selfie_drawn": _("This is a drawing. Show your own face before the camera."),
    "selfie_replayed": _("These pictures were sent before. Start again, with the camera on."),
    "selfie_not_reviewed": _("Nobody could look at your selfie in time. Please take it again."),
    "selfie_declined": _("One of us looked at your selfie and could not accept it."),
}
UNKNOWN = _("The selfie could not be accepted. Start again in better light.")


def refusal_of(selfie: Selfie) -> str:
    """Why this selfie was refused, or could not be checked."""
    if selfie.code:
        return str(REFUSALS.get(selfie.code, UNKNOWN))
    return str(RUN_SENTENCES.get(selfie.error_code) or selfie.error_detail or UNKNOWN)
