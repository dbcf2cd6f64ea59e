"""Our answers to allauth's questions."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter

from config.web.ratelimit import address


class Adapter(DefaultAccountAdapter):
    def populate_username(self, request: Any, user: Any) -> None:
        """Does nothing: users have no user names."""

    def get_client_ip(self, request: Any) -> str:
        return address(request)
