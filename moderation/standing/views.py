"""The page /account/standing/: strikes, the suspension and its appeal."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.errors import Invalid
from config.web.problems import flattened, told
from config.web.ratelimit import limited
from moderation.standing import suspending
from moderation.standing.rules import RULES, STEPS, WINDOW
from moderation.standing.serializers import SuspensionAppealForm
from moderation.standing.shown import show_standing


@login_required
@require_http_methods(["GET", "POST"])
@told
def standing(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _appeal(request)
    facts = show_standing(request.user)
    end = suspending.ends(_row(request, facts)) if facts["suspended"] else ""
    rules = {"rules": RULES.values(), "window": WINDOW.days, "steps": [s.days for s in STEPS if s]}
    shown = {"shown": facts, "end": end, "tab": "account", **rules}
    return render(request, "moderation/standing.html", shown)


def _row(request: HttpRequest, facts: dict) -> suspending.Suspension:  # type: ignore[type-arg]
    return suspending.of(request.user, facts["suspension"]["id"])


@limited("appeals")
def _appeal(request: HttpRequest) -> HttpResponse:
    form = SuspensionAppealForm(data=request.POST)
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    suspending.appeal(request.user, text=form.validated_data["text"])
    messages.success(request, _("We look at it once more, and write to you."))
    return redirect("standing")
