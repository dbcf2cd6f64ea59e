"""Our answers to allauth's questions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired

from accounts import staff
from config.web import text
from config.web.ratelimit import address


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return text.address(email)

    def authenticate(self, request: Any, **credentials: Any) -> Any:
        if email := credentials.get("email"):
            credentials["email"] = text.address(email)
        return super().authenticate(request, **credentials)

    def get_reauthentication_methods(self, user: Any) -> Any:
        """Who has a second factor confirms with it."""
        methods = super().get_reauthentication_methods(user)
        return [each for each in methods if each["id"] == "mfa_reauthenticate"] or methods

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """A session and the password do not lead to recovery codes, which would open the admin."""
        request = context.request
        if app == "allauth.mfa" and staff.has_factor(request.user):
            within = timedelta(seconds=app_settings.REAUTHENTICATION_TIMEOUT)
            if not staff.has_proved(request, within):
                raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **options))

    def populate_username(self, request: Any, user: Any) -> None:
        """Does nothing: users have no user names."""

    def get_client_ip(self, request: Any) -> str:
        return address(request)
