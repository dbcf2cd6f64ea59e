"""Uploads stay in memory: a photo is never on the disk unencrypted."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler

from config.errors import FileTooLarge


class MemoryUpload(MemoryFileUploadHandler):
    """Keeps every file in memory, and refuses a request that is larger than settings.MAX_BODY."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:  # noqa: N803
        if content_length > settings.MAX_BODY:
            raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
        self.activated = True
