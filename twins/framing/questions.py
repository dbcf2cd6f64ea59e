"""What a worker is asked about a frame, sealed with its person's key on the way."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

from accounts.vault.vault import open_value, seal_value

TASK, QUEUE = "twins.look_at_frame", "cpu"
PLACE = "frame"  # what the frame is sealed for


def sealed(user_id: Any, frame: bytes, width: int) -> bytes:
    inside = base64.b64encode(seal_value(user_id, PLACE, frame)).decode()
    return json.dumps({"user": str(user_id), "width": width, "frame": inside}).encode()


def opened(question: bytes) -> tuple[bytes, int]:
    """The frame, and the width of the photo."""
    asked = json.loads(question)
    return open_value(UUID(asked["user"]), PLACE, base64.b64decode(asked["frame"])), asked["width"]
