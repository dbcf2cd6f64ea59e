"""The pages that belong to no app: the landing page, the choice of a theme, the API's description."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from config.errors import MethodNotAllowed
from config.web import problems
from config.web.caching import CHECK, precondition
from config.web.schema import document

THEMES = ("auto", "light", "dark")


def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "landing.html")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Stores the theme (light, dark or the system's) in a cookie, so that it works without JavaScript."""
    where = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    answer = HttpResponseRedirect(where if safe else "/")
    if (chosen := request.POST.get("theme")) in THEMES:
        answer.set_cookie(
            "theme", chosen, max_age=365 * 86400, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return answer


def look(request: HttpRequest) -> dict[str, Any]:
    """A context processor that gives every template the theme, and whether one can log in by phone."""
    chosen = request.COOKIES.get("theme", "")
    return {"theme": chosen if chosen in THEMES else "auto", "phones": bool(settings.SMS_SENDER)}


def openapi(request: HttpRequest) -> HttpResponse:
    """The API's OpenAPI description."""
    if request.method not in ("GET", "HEAD"):
        return problems.respond(MethodNotAllowed())
    data, etag = document(get_language() or "en")
    headers = {"Cache-Control": CHECK, "ETag": etag}
    kind = "application/vnd.oai.openapi+json"
    return precondition(request, etag) or HttpResponse(data, content_type=kind, headers=headers)
