"""The avatar's part of a twin's page. All of it works without JavaScript."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing import ledger
from config.web.problems import told
from config.web.ratelimit import limited
from twins import engines
from twins.avatars import pages, services
from twins.models import Twin


@login_required
@require_GET
def panel(request: HttpRequest, ident: str) -> HttpResponse:
    """The part that is fetched again while the avatar is drawn."""
    twin = Twin.objects.owned_by(request.user).with_older().get_or_404(ident)
    return render(request, "twins/_avatar.html", {"twin": twin} | pages.panel(twin, _chosen(request, twin)))


def _chosen(request: HttpRequest, twin: Twin) -> Any:
    if twin.trainings.open().exists():
        return None
    available = ledger.balance(ledger.wallet_of(twin.user)).available
    found = engines.offered(twin, available=available, verified=True)
    return engines.usual(twin, found, request.GET.get("engine", ""))


@login_required
@require_POST
@told
@limited("avatars")
def draw(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    services.draw(twin)
    return _back(twin)


@login_required
@require_POST
@told
@limited("corrections")
def correct(request: HttpRequest, ident: str) -> HttpResponse:
    """Keeps the traits of the form; its button `reset` takes all corrections back."""
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    if "reset" in request.POST:
        services.correct(twin, dict.fromkeys(services.TRAITS))
    else:
        sent = {name: request.POST[name] for name in services.TRAITS if name in request.POST}
        services.correct(twin, _changed(services.typed(sent), request.POST))
        messages.success(request, _("This is how you will be drawn."))
    return _back(twin)


def _changed(sent: dict[str, Any], form: Any) -> dict[str, Any]:
    """Those that differ from what the page showed (`was_...`): the others stay as they were fitted."""
    was = services.typed({name: form[f"was_{name}"] for name in sent if f"was_{name}" in form})
    return {name: value for name, value in sent.items() if value != was.get(name)}


def _back(twin: Twin) -> HttpResponse:
    answer = redirect("twin", twin.id)
    answer["Location"] += "#avatar"
    return answer
