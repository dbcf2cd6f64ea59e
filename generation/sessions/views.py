"""Pages of sessions: the list, and one session followed as one."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from generation.packs.views import usable_twins
from generation.sessions import services
from generation.sessions.following import runs_of, state_of
from generation.sessions.models import Session
from generation.sessions.serializers import SessionForm
from twins.models import Training, Twin

SHOWN = 60  # pictures
ADDED = 12  # trainings to choose from


@login_required
@told
def listing(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _create(request)
    found = page(request, Session.objects.owned_by(request.user).for_clients(), _line)
    facts = {"sessions": found["results"], "next": _query(found["next"]), "tab": "studio"}
    return render(request, "generation/sessions.html", facts)


@limited("sessions")
def _create(request: HttpRequest) -> HttpResponse:
    return redirect("session", services.create(request.user, name=_name(request)).id)


def _name(request: HttpRequest) -> str:
    """Raises ValidationError."""
    form = SessionForm(data={"name": request.POST.get("name", "")})
    form.is_valid(raise_exception=True)
    return str(form.validated_data["name"])


def _line(session: Session) -> dict[str, Any]:
    return {"session": session, "state": state_of(runs_of(session))}


def _query(link: str | None) -> str:
    return f"?{link.partition('?')[2]}" if link else ""


@login_required
@require_GET
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    return render(request, "generation/session.html", _facts(request, ident))


@login_required
@require_GET
def state(request: HttpRequest, ident: str) -> HttpResponse:
    return render(request, "generation/_session.html", _facts(request, ident))


def _facts(request: HttpRequest, ident: str) -> dict[str, Any]:
    session = Session.objects.owned_by(request.user).get_or_404(ident)
    pictures, mine = session.pictures(), Training.objects.owned_by(request.user).shown().with_twin()
    return {
        "session": session,
        "state": state_of(runs_of(session)),
        "jobs": session.jobs.shown().select_related("pack", "twin"),
        "trainings": session.trainings.shown().select_related("twin"),
        "pictures": pictures.order_by("-favourite", "-created_at", "-id")[:SHOWN],
        "count": pictures.count(),
        "others": mine.exclude(sessions=session).order_by("-created_at")[:ADDED],
        "twins": usable_twins(request.user),
        "key": secrets.token_urlsafe(12),
        "tab": "studio",
    }


@login_required
@require_POST
@told
def rename(request: HttpRequest, ident: str) -> HttpResponse:
    session = Session.objects.owned_by(request.user).get_or_404(ident)
    services.rename(session, name=_name(request))
    return redirect("session", session.id)


@login_required
@require_POST
@told
def add(request: HttpRequest, ident: str) -> HttpResponse:
    """Adds a training; orders are added from their contact sheets."""
    session = Session.objects.owned_by(request.user).get_or_404(ident)
    training = Training.objects.owned_by(request.user).get_or_404(request.POST.get("training", ""))
    services.change(session, add={"trainings": [training.id]}, remove={})
    return redirect("session", session.id)


@login_required
@require_POST
@told
@limited("sessions_repeat")
def repeat(request: HttpRequest, ident: str) -> HttpResponse:
    session = Session.objects.owned_by(request.user).get_or_404(ident)
    wanted = request.POST.get("twin", "")
    twin = Twin.objects.owned_by(request.user).get_or_404(wanted) if wanted else None
    again = services.repeat(session, twin=twin, key=request.POST.get("key", "")[:255] or None)
    return redirect("session", again.id)


@login_required
@require_POST
@told
def remove(request: HttpRequest, ident: str) -> HttpResponse:
    session = Session.objects.owned_by(request.user).get_or_404(ident)
    n = services.delete(session, pictures=bool(request.POST.get("pictures")))
    said = _("The session was deleted.")
    if n:
        said += " " + ngettext("%(n)s picture was deleted.", "%(n)s pictures were deleted.", n) % {"n": n}
    messages.success(request, said)
    return redirect("sessions")
