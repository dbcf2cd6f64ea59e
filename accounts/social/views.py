"""The page that asks who has no password and no key here to log in again where their account is, or for a
code that is sent to their phone, and the one where they set a password."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from allauth.account.views import password_set
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts import confirm
from config.web.problems import told


@login_required
@require_http_methods(["GET", "POST"])
@told
def confirm_elsewhere(request: HttpRequest) -> HttpResponse:
    """POST takes the code that was sent to the phone."""
    user: Any = request.user
    where = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(where, {request.get_host()}, require_https=request.is_secure())
    where = where if ours else reverse("account")
    if request.method == "POST":
        confirm.require_proof_in_form(request)
        record_authentication(request, user, method="code", phone=user.phone, reauthenticated=True)
        return redirect(where)
    facts = {"next": where, "tab": "account", "by_phone": confirm.confirms_by_phone(user)}
    return render(request, "accounts/confirm_elsewhere.html", facts)


@login_required
def set_password(request: HttpRequest) -> HttpResponse:
    """allauth's page. A first password is a new way in, so whoever can prove themselves does so before."""
    user: Any = request.user
    proofs = (SocialAccount.objects, Authenticator.objects)
    can_prove = user.phone or any(rows.filter(user=user).exists() for rows in proofs)
    if can_prove and is_reauthentication_required(request, app="allauth.account"):
        raise ReauthenticationRequired
    answer: HttpResponse = password_set(request)
    return answer
