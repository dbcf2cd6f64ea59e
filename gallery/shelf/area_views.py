"""The page of the locked area."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.confirm import proof_of
from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.shelf import area, bulk


@login_required
@require_GET
@told
def locked(request: HttpRequest) -> HttpResponse:
    """The pictures while the area is open, else the question for the password."""
    seconds = area.seconds_open(request)
    found: dict[str, Any] = page(request, area.items(request), lambda item: item) if seconds else {}
    facts = {"found": found, "minutes": -(-seconds // 60), "tab": "gallery"}
    return render(request, "gallery/locked.html", facts)


@sensitive_post_parameters("proof")
@login_required
@require_POST
@told
@limited("locked")
def unlock(request: HttpRequest) -> HttpResponse:
    area.open_area(request, **proof_of(request.POST))
    return redirect("locked")


@login_required
@require_POST
@told
def change_locked(request: HttpRequest) -> HttpResponse:
    """Locks the area again, or takes the chosen pictures out of it or deletes them."""
    idents = request.POST.getlist("id")[: bulk.MOST]
    match request.POST.get("act"):
        case "close":
            area.close_area(request)
        case "release":
            n = area.release(area.items(request), idents)
            said = ngettext("%(n)s picture is back.", "%(n)s pictures are back.", n)
            messages.success(request, said % {"n": n})
        case "delete":
            n = area.items(request).filter(id__in=idents).remove()
            said = ngettext("%(n)s picture was deleted.", "%(n)s pictures were deleted.", n)
            messages.success(request, said % {"n": n})
    return redirect("locked")
