"""What clients may keep, and requests that depend on the version they have (RFC 9110, section 13)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import parse_etags

from config.errors import ChangedMeanwhile

FORGET, CHECK = "private, no-store", "private, no-cache"


class CachingMiddleware(MiddlewareMixin):
    """Gives every answer that says nothing itself a Cache-Control. Nobody keeps what is meant for one user;
    a browser may keep what it can revalidate, and the pages of visitors, which hold form tokens."""

    def process_response(self, request: Any, response: HttpResponseBase) -> HttpResponseBase:
        if not response.has_header("Cache-Control"):
            api = request.path.startswith(("/api/", "/_allauth/"))
            personal = api or any(
                settings.SESSION_COOKIE_NAME in c for c in (request.COOKIES, response.cookies)
            )
            kept = response.has_header("ETag") or not personal
            response["Cache-Control"] = CHECK if kept else FORGET
        return response


def precondition(request: Any, etag: str) -> HttpResponse | None:
    """Compares the request's If-Match and If-None-Match with the quoted ETag of what it names now.

    304 when the client has this version already, else None. Raises ChangedMeanwhile.
    """
    wanted = request.headers.get("If-Match", "*").strip()
    if wanted != "*" and etag not in parse_etags(wanted):  # a weak one never matches
        raise ChangedMeanwhile
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" not in known and etag not in [each.removeprefix("W/") for each in known]:
        return None
    if request.method not in ("GET", "HEAD"):
        raise ChangedMeanwhile
    return HttpResponse(status=304, headers={"ETag": etag, "Cache-Control": CHECK})
