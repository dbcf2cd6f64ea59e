"""Asks for the password, a code or a passkey again before an erasure, an archive of all data and the like."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth as passkeys
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import UserVerificationRequirement

from accounts import attempts
from accounts.phones import services as phones
from config.errors import DomainError, Invalid, RateLimited
from config.web.authentication import session_behind
from config.web.once import once

FRESH = timedelta(minutes=5)
ASKED = "passkey_asked"  # in the session: the challenge that a passkey is to sign
LONGEST = 10_000  # characters of a passkey's answer


class ReauthenticationRequired(DomainError):
    code, status = "reauthentication_required", 403
    message = _(
        "Send your password again, a code of your second factor or one that we send to your phone, or use a "
        "passkey."
    )


class NoPasskey(DomainError):
    code, status = "no_passkey", 409
    message = _("This account has no passkey. Add one under “Security”, or send the password.")


def require_proof(
    request: Any, *, password: str = "", code: str = "", credential: dict[str, Any] | None = None
) -> None:
    """Refuses the request unless it holds its user's password, a valid code, or a passkey's answer to the
    challenge of `ask_passkey`. Who has none of them logs in again where they log in with another account.

    Wrong attempts are counted in the database, per user. Raises ReauthenticationRequired, Invalid,
    RateLimited.
    """
    user = request.user
    if not password and not code and not credential:
        if logged_in_elsewhere(request, user):
            return
        raise ReauthenticationRequired
    counted = attempts.begin_proof(request, user)
    if counted is None:
        raise RateLimited
    if not (
        (password and user.check_password(password))
        or (code and _is_valid(user, code))
        or (credential and _has_signed(request, credential))
    ):
        field = "password" if password else "code" if code else "credential"
        raise Invalid(errors={field: [str(_("This is not right. Try again."))]})
    attempts.succeeded(counted)


def _is_valid(user: Any, code: str) -> bool:
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(factor.wrap().validate_code(code) for factor in factors) or phones.proves(user, code)


# ---------------------------------------------------------------- passkeys


@once  # a page of several keys asks for each
def has_passkey(user: Any) -> bool:
    return Authenticator.objects.filter(user=user.pk, type=Authenticator.Type.WEBAUTHN).exists()


def ask_passkey(request: Any) -> dict[str, Any]:
    """A new challenge for this session, as options for `navigator.credentials.get`. The answer is good once.

    Raises NoPasskey, ReauthenticationRequired.
    """
    session = session_behind(request)
    if session is None:  # a challenge belongs to a session
        raise ReauthenticationRequired
    if not has_passkey(request.user):
        raise NoPasskey
    options, session[ASKED] = passkeys.get_server().authenticate_begin(
        passkeys.get_credentials(request.user), user_verification=UserVerificationRequirement.REQUIRED
    )
    session.save()
    return dict(options)


def _has_signed(request: Any, credential: dict[str, Any]) -> bool:
    session = session_behind(request)
    asked = session.pop(ASKED, None) if session is not None else None
    if session is None or asked is None:
        return False
    session.save()
    try:
        passkeys.parse_authentication_response(credential)
        held = passkeys.get_credentials(request.user)
        found = passkeys.get_server().authenticate_complete(asked, held, credential)
    except (ValueError, ValidationError):  # another challenge, site, key or signature, or nothing of the kind
        return False
    passkey = passkeys.get_authenticator_by_credential_id(request.user, found.credential_id)
    if passkey is None:
        return False
    passkey.record_usage()
    return True


def proof_of(form: Any) -> dict[str, Any]:
    """The proof that a page's form holds: `proof`, which is the password or a code, or a `credential`."""
    proof, credential = form.get("proof", "")[:200], form.get("credential", "")
    try:
        answer = json.loads(credential) if 0 < len(credential) <= LONGEST else None
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return {"credential": answer}
    return {"password": proof, "code": proof}


def require_proof_in_form(request: Any) -> None:
    """As require_proof, of what a page's form holds."""
    require_proof(request, **proof_of(request.POST))


# ---------------------------------------------------------------- without a password here


def confirms_elsewhere(user: Any) -> bool:
    """Whether the only ways in lead through an account elsewhere, so that this one can ask for nothing."""
    here = user.has_usable_password() or user.phone
    return not here and not Authenticator.objects.filter(user=user.pk).exists()


def confirms_by_phone(user: Any) -> bool:
    """Whether a code to the phone is the only proof that this user can give."""
    here = user.has_usable_password() or Authenticator.objects.filter(user=user.pk).exists()
    return bool(user.phone) and not here


def logged_in_elsewhere(request: Any, user: Any) -> bool:
    """Whether this session began with a log-in by an account elsewhere in the last minutes, for a user who
    has nothing else."""
    return confirms_elsewhere(user) and _lately(request, user, "socialaccount")


def must_confirm(request: Any, user: Any) -> bool:
    """Whether this user, whom allauth has nothing to ask of, must log in again elsewhere or type a code that
    is sent to the phone."""
    if confirms_by_phone(user):
        return not _lately(request, user, "code")
    return confirms_elsewhere(user) and not _lately(request, user, "socialaccount")


def _lately(request: Any, user: Any, method: str) -> bool:
    if not hasattr(request, "session"):
        return False
    records = get_authentication_records(request, user)
    newest = max((each["at"] for each in records if each["method"] == method), default=0)
    return bool(timezone.now().timestamp() - newest < FRESH.total_seconds())
