"""Why a log-in with an account elsewhere was refused, and the page that says so."""

from __future__ import annotations

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError


class LoginCancelled(DomainError):
    code, status = "login_cancelled", 400
    message = _("You stopped at %(provider)s, so nothing happened here. Try again, or log in in another way.")


class LoginExpired(DomainError):
    code, status = "login_expired", 400
    message = _("This log-in was begun in another browser, or too long ago. Begin it again.")


class LoginRefused(DomainError):
    code, status = "login_refused", 401
    message = _("The answer of %(provider)s cannot be trusted, so you are not logged in. Begin again.")


class ProviderDown(DomainError):
    code, status = "provider_unavailable", 502
    message = _("%(provider)s does not answer. Try again in a few minutes, or log in in another way.")


class AddressUnproven(DomainError):
    code, status = "provider_email_unproven", 403
    message = _(
        "Your account at %(provider)s has no confirmed e-mail address. Confirm it there and come back, or "
        "sign up here with an e-mail address and a password."
    )


class AccountExists(DomainError):
    code, status = "account_exists", 409
    message = _(
        "There is an account here with the e-mail address that %(provider)s gave us. Log in to it, then "
        "connect %(provider)s under “Security”."
    )


class AddressOfAnother(DomainError):
    code, status = "provider_email_of_another", 409
    message = _(
        "Another account here has the e-mail address of your account at %(provider)s. Log in to that one and "
        "connect %(provider)s there."
    )


def refuse(request: HttpRequest, refusal: type[DomainError], provider: Any) -> ImmediateHttpResponse:
    """To be raised: it ends allauth's flow with our page."""
    error = refusal(provider=str(provider))
    page = render(request, "socialaccount/refused.html", {"error": error}, status=error.status)
    page["Cache-Control"] = "no-store"
    return ImmediateHttpResponse(page)
