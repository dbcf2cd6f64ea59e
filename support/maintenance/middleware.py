"""Answers 503 while a maintenance is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import zones
from accounts.staff import is_staff
from config.errors import DomainError
from config.web import problems
from config.web.views import look
from support.maintenance import now
from support.maintenance.models import Maintenance

# Health, payments and what other services tell of work under way, and the way in for staff.
OPEN = ("/healthz", "/readyz", "/hooks/", "/admin/", "/static/", "/sw.js", "/offline/", "/manifest.")
DOORS = ("/accounts/login/", "/accounts/logout/", "/accounts/2fa/", "/accounts/reauthenticate/", "/language")
API = ("/api/", "/_allauth/")
LEAST = 60  # seconds of Retry-After, also when it takes longer than announced


class UnderMaintenance(DomainError):
    code, status = "maintenance", 503
    message = _("PhotoFlux is being maintained. Try again later; nothing was lost or charged.")

    def __init__(self, row: Maintenance) -> None:
        super().__init__()
        left = (row.ends_at - timezone.now()).total_seconds()
        self.headers = {"Retry-After": str(max(LEAST, round(left))), "Cache-Control": "no-store"}


class MaintenanceMiddleware:
    """Stands before what needs the database, which may be what is maintained."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN + DOORS):  # health must not wait for the database
            return self.get_response(request)
        row = now.current()
        if row is None or not row.is_on or _is_staff(request):
            return self.get_response(request)
        error = UnderMaintenance(row)
        if request.path.startswith(API):
            return problems.respond(error)
        return problems.with_headers(_page(request, row), error)


def _is_staff(request: Any) -> bool:
    """Whether staff are logged in in this browser. Without a database nobody is."""
    try:
        return is_staff(request.user)
    except DatabaseError:
        return False


def _page(request: HttpRequest, row: Maintenance) -> HttpResponse:
    """Needs no database: neither a session nor a user."""
    late = row.ends_at <= timezone.now()
    again = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    facts = {"until": None if late else row.ends_at, "again": again, **look(request)}
    with zones.seen_from(request.COOKIES.get(zones.COOKIE, "")):
        return HttpResponse(render_to_string("support/maintenance.html", facts), status=503)
