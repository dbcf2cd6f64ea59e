"""Asks for the password or a code again before an erasure or an archive of all data."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _

from accounts import attempts
from accounts.phones import services as phones
from config.errors import DomainError, Invalid, RateLimited


class ReauthenticationRequired(DomainError):
    code, status = "reauthentication_required", 403
    message = _("Send your password again, a code of your second factor, or one that we send to your phone.")


def require_proof(request: Any, *, password: str = "", code: str = "") -> None:
    """Refuses the request unless it holds its user's password or a valid code.

    Wrong attempts are counted in the database, per user. Raises ReauthenticationRequired, Invalid,
    RateLimited.
    """
    if not password and not code:
        raise ReauthenticationRequired
    user, counted = request.user, attempts.begin_proof(request, request.user)
    if counted is None:
        raise RateLimited
    if not (password and user.check_password(password)) and not (code and _is_valid(user, code)):
        field = "password" if password else "code"
        raise Invalid(errors={field: [str(_("This is not right. Try again."))]})
    attempts.succeeded(counted)


def _is_valid(user: Any, code: str) -> bool:
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(factor.wrap().validate_code(code) for factor in factors) or phones.proves(user, code)
