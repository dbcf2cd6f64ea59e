"""Authenticates a browser at the API, and finds the session behind a request's credentials."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from allauth.headless.tokens.strategies.jwt.internal import session_key_from_sid
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication

from config.errors import Forged
from config.runs.events import session_id


class BrowserAuthentication(SessionAuthentication):
    """Uses the session cookie and the CSRF token."""

    def enforce_csrf(self, request: Any) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied:
            raise Forged from None


def session_key_of(request: Any) -> str:
    """Of the session behind the credentials of an API request: an access token, a session token or a cookie.
    Empty for a client without a session."""
    auth = getattr(request, "auth", None)
    if isinstance(auth, dict):
        return session_key_from_sid(auth["sid"]) or ""
    session = auth if isinstance(auth, SessionBase) else getattr(request, "session", None)
    return getattr(session, "session_key", None) or ""


def session_behind(request: Any) -> SessionBase | None:
    """The session behind the request's cookie or token."""
    key = session_key_of(request)
    here = getattr(request, "session", None)
    if not key or (here is not None and here.session_key == key):
        return here if key else None
    found: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return found


def session_of(request: Any) -> str:
    """The session's name in our rows and messages, from which nobody gets its key."""
    return session_id(session_key_of(request))
