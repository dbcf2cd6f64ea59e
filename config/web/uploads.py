"""Uploads stay in memory, in one copy: a photo is never on the disk unencrypted."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.core.handlers.asgi import ASGIRequest

from config.errors import FileTooLarge


class MemoryUpload(MemoryFileUploadHandler):
    """Keeps every file in memory, and refuses a request that is larger than settings.MAX_BODY."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:  # noqa: N803
        if content_length > settings.MAX_BODY:
            raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
        self.activated = True

    def file_complete(self, file_size: int) -> Any:
        self.file.getvalue()  # cuts the buffer to its size: `read()` then returns it without a copy
        return super().file_complete(file_size)

    def upload_complete(self) -> None:
        """The files are read out of the request's body, which is not needed any more."""
        if isinstance(self.request, ASGIRequest):
            self.request._stream.close()
