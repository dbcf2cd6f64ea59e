"""Compresses pages, styles and scripts.

Users' files are compressed already, and event streams must not be buffered.
"""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

KINDS = ("text/html", "text/css", "text/javascript", "image/svg+xml")


class CompressionMiddleware(GZipMiddleware):
    def process_response(self, request, response: HttpResponseBase) -> HttpResponseBase:  # type: ignore[no-untyped-def]
        if response.headers.get("Content-Type", "").partition(";")[0] not in KINDS:
            return response
        return super().process_response(request, response)
