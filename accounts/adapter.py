"""Our answers to allauth's questions."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter

from config.web import text
from config.web.ratelimit import address


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return text.address(email)

    def authenticate(self, request: Any, **credentials: Any) -> Any:
        if email := credentials.get("email"):
            credentials["email"] = text.address(email)
        return super().authenticate(request, **credentials)

    def populate_username(self, request: Any, user: Any) -> None:
        """Does nothing: users have no user names."""

    def get_client_ip(self, request: Any) -> str:
        return address(request)
