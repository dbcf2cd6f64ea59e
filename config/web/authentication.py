"""Authenticates a browser at the API."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication

from config.errors import Forged


class BrowserAuthentication(SessionAuthentication):
    """Uses the session cookie and the CSRF token."""

    def enforce_csrf(self, request: Any) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied:
            raise Forged from None
