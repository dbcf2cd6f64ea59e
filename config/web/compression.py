"""Compresses pages, styles and scripts.

People's files are compressed pictures already; event streams must not be held.
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
