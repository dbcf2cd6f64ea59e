"""The page that asks who has no password and no key here to log in again where their account is."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET


@login_required
@require_GET
def confirm_elsewhere(request: HttpRequest) -> HttpResponse:
    where = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    facts = {"next": where if ours else reverse("account"), "tab": "account"}
    return render(request, "accounts/confirm_elsewhere.html", facts)
