"""Access and refresh tokens of the API. All tokens of one login are a family, and share its session."""

from __future__ import annotations

from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import UnauthorizedResponse
from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy, internal
from django.contrib.sessions.models import Session
from django.db import transaction

from accounts import sessions


class FamilyStrategy(JWTTokenStrategy):
    def refresh_token(self, refresh_token: str) -> tuple[str, str]:
        """Returns a new access and refresh token, and spends the given one. 401 when it is not valid.

        A spent token that comes again was copied. Nobody can say who has the copy, so the whole family ends:
        its access tokens and its newest refresh token are 401 from then on.
        """
        payload = internal.decode_token(refresh_token, "refresh")
        key = internal.session_key_from_sid(payload["sid"]) if payload else None
        with transaction.atomic():  # of two parallel uses of one token, the second finds it spent
            known = key and Session.objects.select_for_update().filter(session_key=key).exists()
            pair = super().refresh_token(refresh_token) if known else None
            if pair is None and key:
                sessions.end([key])
        if pair is None:
            raise ImmediateHttpResponse(UnauthorizedResponse(context.request))
        return pair
