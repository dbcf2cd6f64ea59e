"""The page of a twin's free retraining: what to change about the photos, and the button."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.web.problems import told
from config.web.ratelimit import limited
from twins.models import Twin
from twins.redo import services


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@told
def redo(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    if request.method == "POST":
        return _begin(request, twin)
    facts = {"twin": twin, "offer": services.offer(twin), "key": secrets.token_urlsafe(12), "tab": "twins"}
    return render(request, "twins/redo.html", facts)


@limited("trainings")
def _begin(request: HttpRequest, twin: Twin) -> HttpResponse:
    services.retrain(twin, key=request.POST.get("key", "")[:255] or None)
    messages.success(request, _("The free retraining has begun. It costs nothing."))
    return redirect("twin", twin.id)
