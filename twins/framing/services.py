"""Asks a worker what is wrong with a frame. The web process has no nets."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.utils.translation import gettext as _

from accounts.vault.vault import open_value, seal_value
from config.errors import FileTooLarge, Invalid, Unavailable
from config.runs.asking import ask
from twins import services
from twins.framing.sentences import SENTENCES
from twins.models import Twin
from twins.proof import subjects

TASK, QUEUE = "twins.look_at_frame", "cpu"
LARGEST = 256 * 1024  # bytes of a frame: one of 640 px has about 60 KB
PATIENCE = 3.0  # seconds: an older hint is about a face that has moved
PLACE = "frame"  # what the frame is sealed for


def look(twin: Twin, *, frame: bytes, width: int) -> str:
    """The code of what the check of the photo, `width` px wide, would find first; "" for nothing.

    Raises ConsentRequired, TwinDisabled, Invalid, FileTooLarge; Unavailable where no worker is free.
    """
    subjects.require_consent(twin)
    services.require_enabled(twin)
    if len(frame) > LARGEST:
        raise FileTooLarge(megabytes=LARGEST / 2**20)
    said = ask(TASK, _sealed(twin.user_id, frame, width), queue=QUEUE, patience=PATIENCE)
    if said is None:
        raise Unavailable
    if said["code"] not in SENTENCES:
        raise Invalid(errors={"frame": [_("Each frame is a JPEG or WebP picture.")]})
    return str(said["code"])


def _sealed(user_id: Any, frame: bytes, width: int) -> bytes:
    sealed = base64.b64encode(seal_value(user_id, PLACE, frame)).decode()
    return json.dumps({"user": str(user_id), "width": width, "frame": sealed}).encode()


def opened(question: bytes) -> tuple[bytes, int]:
    """The frame and the width of the photo."""
    asked = json.loads(question)
    return open_value(asked["user"], PLACE, base64.b64decode(asked["frame"])), asked["width"]
