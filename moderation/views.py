"""The page where anybody can check a file's origin. It works without an account and without JavaScript."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.errors import DomainError, FileTooLarge, MissingFile
from config.web.labels import maker
from config.web.ratelimit import limited
from moderation.verifying import verify_file

GOOD = ("signature_intact", "mark_found")


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    try:
        return _answer(request)
    except DomainError as error:
        page = _page(request, status=error.status, wrong=error.detail)
        for name, value in getattr(error, "headers", {}).items():
            page[name] = value
        return page


@limited("verify")
def _answer(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("file")
    if file is None or not file.size:
        raise MissingFile(_("Choose a file first."))
    if file.size > settings.MAX_UPLOAD:
        raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    return _page(request, found=shown(verify_file(file.read())), file_name=file.name)


def _page(request: HttpRequest, *, status: int = 200, **facts: Any) -> HttpResponse:
    most = settings.MAX_UPLOAD
    facts |= {"most": most, "too_large": FileTooLarge(megabytes=most // 2**20).detail}
    return render(request, "moderation/verify.html", facts, status=status)


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The verdict as the page shows it."""
    codes = [reason["code"] for reason in found["reasons"]]
    return found | {
        "maker": found["engine"] and maker(found["engine"]),
        "made": found["created"] and parse_datetime(found["created"]),
        "reasons": [reason | {"good": reason["code"] in GOOD} for reason in found["reasons"]],
        "unreadable": {"signature_unread", "pixels_unread"} <= set(codes),
    }
