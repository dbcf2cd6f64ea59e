"""What people read about a selfie: each movement, and why one was refused.

The judge's own refusals are in twins/selfie_sentences.py.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.runs.sentences import SENTENCES as RUN_SENTENCES
from ml.types import SELFIE_CODES
from twins.proof.models import Selfie
from twins.selfie_sentences import sentence_of

STEPS: dict[str, Any] = {
    "left": _("Turn your head to your left"),
    "right": _("Turn your head to your right"),
    "up": _("Lift your chin"),
    "blink": _("Close both eyes for a moment, and open them again"),
}
REFUSALS: dict[str, Any] = {
    "selfie_replayed": _("These pictures were sent before. Start again, with the camera on."),
    "selfie_not_reviewed": _("Nobody could look at your selfie in time. Please take it again."),
    "selfie_declined": _("One of us looked at your selfie and could not accept it."),
}
UNKNOWN = _("The selfie could not be accepted. Start again in better light.")


def refusal_of(selfie: Selfie) -> str:
    """Why this selfie was refused, or could not be checked."""
    if selfie.code in SELFIE_CODES:
        movement = "" if selfie.step is None else selfie.challenge.steps[selfie.step]
        return str(sentence_of(selfie.code, movement))
    if selfie.code:
        return str(REFUSALS.get(selfie.code, UNKNOWN))
    return str(RUN_SENTENCES.get(selfie.error_code) or selfie.error_detail or UNKNOWN)
