"""The page that asks who has no password and no key here to log in again where their account is, and the one
where they set a password."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from allauth.account.views import password_set
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
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


@login_required
def set_password(request: HttpRequest) -> HttpResponse:
    """allauth's page. A first password is a new way in, so whoever can prove themselves does so before."""
    user: Any = request.user
    opens = any(rows.filter(user=user).exists() for rows in (SocialAccount.objects, Authenticator.objects))
    if opens and is_reauthentication_required(request, app="allauth.account"):
        raise ReauthenticationRequired
    answer: HttpResponse = password_set(request)
    return answer
