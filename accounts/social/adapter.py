"""Our answers to allauth's questions about accounts elsewhere.

Such an account is known by the provider's own id of it. Its e-mail address never links it to an account here:
who has one logs in, proves it again, and connects the other under "Security".
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from requests import RequestException

from accounts import addresses
from accounts.social import refusals
from config.web import text

log = logging.getLogger(__name__)


class SocialAdapter(DefaultSocialAccountAdapter):
    error_messages = DefaultSocialAccountAdapter.error_messages | {
        "no_password": _("Set a password first: without this account you could not log in any more.")
    }

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        if sociallogin.is_existing:
            return
        address = _proven(sociallogin)
        if not address:
            raise refusals.refuse(request, refusals.AddressUnproven, sociallogin.provider)
        holders = EmailAddress.objects.filter(email=address, verified=True).exclude(user=request.user.pk)
        if holders.exists() or (not connects and _is_of(request.user, address)):
            why = refusals.AddressOfAnother if connects else refusals.AccountExists
            raise refusals.refuse(request, why, sociallogin.provider)
        sociallogin.user.email = address
        sociallogin.email_addresses = [EmailAddress(email=address, verified=True, primary=True)]

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        """Of what the provider says, only the address is kept."""
        sociallogin.account.extra_data = {"email": data.get("email") or ""}
        return super().populate_user(request, sociallogin, data)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """A new account, whose address is proven: whoever only typed it loses it."""
        address = EmailAddress(user=sociallogin.user, email=sociallogin.user.email)
        try:
            with transaction.atomic():
                if addresses.is_proven_by_another(address):  # since the page of the terms was opened
                    raise IntegrityError
                addresses.claim(address)
                return super().save_user(request, sociallogin, form)
        except IntegrityError as error:  # or at the same moment
            raise refusals.refuse(request, refusals.AccountExists, sociallogin.provider) from error

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        log.warning("log-in with %s: %s %r", provider, error, exception)
        raise refusals.refuse(request, _reason(error, exception, extra_context or {}), provider)


def _reason(error: Any, exception: Exception | None, context: dict[str, Any]) -> Any:
    if error == AuthError.CANCELLED:
        return refusals.LoginCancelled
    if isinstance(exception, RequestException):
        return refusals.ProviderDown
    return refusals.LoginRefused if context.get("state") else refusals.LoginExpired


def _proven(sociallogin: Any) -> str:
    """The address that the provider has confirmed, the main one before others; "" if there is none."""
    found = [each.email for each in sociallogin.email_addresses if each.verified is True]
    return text.address(found[0]) if found else ""


def _is_of(user: Any, address: str) -> bool:
    return bool(user.is_authenticated and user.proven_address == address)
