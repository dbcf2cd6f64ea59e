"""Serves a drawing of an avatar, made when it is asked for and kept nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.http import HttpResponse

from config.web.files import serve
from ml import media
from ml.avatar.avatar import Avatar
from ml.avatar.drawings import portrait

SIDE, LOOK = 384, "smiling"  # px, and the expression: neutral drawings look stern
QUALITY = 90  # of its JPEG


class Drawing:
    """The picture as a file that is drawn when its bytes are first needed."""

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar

    def etag(self, name: str) -> str:
        return hashlib.sha256(
            repr((self.avatar.person, self.avatar.glasses, SIDE, LOOK)).encode()
        ).hexdigest()[:32]

    @cached_property
    def data(self) -> bytes:
        return media.encode_jpeg(portrait(self.avatar, LOOK, SIDE), QUALITY)

    def exists(self, name: str) -> bool:
        return True

    def size(self, name: str) -> int:
        return len(self.data)

    def open_range(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        yield self.data[start:stop]


def serve_drawing(request: Any, avatar: Avatar) -> HttpResponse:
    return serve(request, Drawing(avatar), "avatar", media_type="image/jpeg")
