"""Asks a worker what is wrong with a frame. The web process has no nets."""

from __future__ import annotations

from django.utils.translation import gettext as _

from config.errors import FileTooLarge, Invalid, Unavailable
from config.runs.asking import ask
from twins import services
from twins.framing.questions import QUEUE, TASK, sealed
from twins.framing.sentences import SENTENCES
from twins.models import Twin
from twins.proof import subjects

LARGEST = 256 * 1024  # bytes of a frame: one of 640 px has about 60 KB
PATIENCE = 3.0  # seconds: an older hint is about a face that has moved


def look(twin: Twin, *, frame: bytes, width: int) -> str:
    """The code of what the check of the photo, `width` px wide, would find first; "" for nothing.

    Raises ConsentRequired, TwinDisabled, Invalid, FileTooLarge; Unavailable where no worker is free.
    """
    subjects.require_consent(twin)
    services.require_enabled(twin)
    if len(frame) > LARGEST:
        raise FileTooLarge(megabytes=LARGEST / 2**20)
    said = ask(TASK, sealed(twin.user_id, frame, width), queue=QUEUE, patience=PATIENCE)
    if said is None:
        raise Unavailable
    if said["code"] not in SENTENCES:
        raise Invalid(errors={"frame": [_("Each frame is a JPEG or WebP picture.")]})
    return str(said["code"])
