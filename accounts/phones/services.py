"""Codes for one use: asked for, typed, and what a right one changes."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import consents
from accounts.models import Kind, User
from accounts.phones import caps
from accounts.phones.models import DIGITS, TRIES, Channel, PhoneCode, Purpose
from config.errors import DomainError, Invalid
from config.runs.locks import advisory_lock


class SmsOff(DomainError):
    code, status = "sms_off", 503
    message = gettext_lazy("No text messages are sent here. Log in by e-mail instead.")


class CodeExpired(DomainError):
    code, status = "code_expired", 409
    message = gettext_lazy(
        "This code is over: it was used, is older than 5 minutes, or was mistyped. Ask for a new one."
    )


class PhoneTaken(DomainError):
    code, status = "phone_taken", 409
    message = gettext_lazy("Another account has this number. Log in with it, and remove it there first.")


class LastWayIn(DomainError):
    code, status = "last_way_in", 409
    message = gettext_lazy("Without this number you could not log in any more. Add an e-mail address first.")


class ProofByPassword(DomainError):
    code, status = "proof_by_password", 409
    message = gettext_lazy("Your account has a password or a second factor. Use it here.")


# ---------------------------------------------------------------- asking


@transaction.atomic
def ask(
    phone: str, *, purpose: str, asker: str, channel: str = Channel.SMS, user: Any = None
) -> tuple[PhoneCode, str]:
    """A new code, which the caller sends (sending.py). Nothing here asks whether anybody has the number.

    Raises SmsOff, SmsPaused and RateLimited.
    """
    if not settings.SMS_SENDER:
        raise SmsOff
    advisory_lock("phone codes")  # of two requests at once, the second counts the first
    caps.check(phone, channel, asker)
    row = PhoneCode(
        purpose=purpose, channel=channel, phone=phone, block=caps.block_of(phone), asker=asker, user=user
    )
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    row.hide(code)
    row.save()
    return row, code


def ask_proof(user: Any, *, asker: str) -> tuple[PhoneCode, str]:
    """A code for who has no password to show who they are. Raises ProofByPassword, and what `ask` raises."""
    if user.phone is None or user.has_usable_password() or Authenticator.objects.filter(user=user).exists():
        raise ProofByPassword
    return ask(user.phone, purpose=Purpose.PROVE, asker=asker, user=user)


# ---------------------------------------------------------------- typing


def digits(typed: str) -> str:
    """The six digits, however they were typed or pasted. Raises Invalid; that counts as no try."""
    found = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed))
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", found):
        raise Invalid(errors={"code": [_("A code has six digits. Type it as it is in the message.")]})
    return found


def spend(ident: Any, typed: str, *, purpose: str, user: Any = None) -> PhoneCode:
    """The row of a right code, which counts no more. Every try counts before it is compared.

    Raises Invalid for a wrong code, and CodeExpired where no code can be right any more.
    """
    code = digits(typed)
    row, right = _try(ident, code, purpose, user)
    if row is None:
        raise CodeExpired
    if not right:
        raise _wrong(TRIES - row.attempts)
    return row


@transaction.atomic
def _try(ident: Any, code: str, purpose: str, user: Any) -> tuple[PhoneCode | None, bool]:
    """The lock makes parallel tries wait for each other: no more than TRIES are ever compared."""
    found = PhoneCode.objects.select_for_update().filter(pk=ident, purpose=purpose)
    row = (found if user is None else found.filter(user=user)).first()
    if row is None or not row.open:
        return None, False
    row.attempts += 1
    right = row.is_code(code)
    if right:
        row.used_at = timezone.now()
    row.save(update_fields=["attempts", "used_at"])
    return row, right


def _wrong(left: int) -> DomainError:
    if left <= 0:
        return CodeExpired()
    sentence = ngettext(
        "This is not the code. You have %(n)d more try.",
        "This is not the code. You have %(n)d more tries.",
        left,
    )
    return Invalid(errors={"code": [sentence % {"n": left}]})


def proves(user: Any, typed: str) -> bool:
    """Whether this is the newest code that the user asked for to show who they are."""
    row = PhoneCode.objects.filter(user=user, purpose=Purpose.PROVE).order_by("-created_at").first()
    try:
        return row is not None and spend(row.id, typed, purpose=Purpose.PROVE, user=user).pk == row.pk
    except DomainError:
        return False


# ---------------------------------------------------------------- what a right code does


def check_terms(version: str) -> None:
    """Raises Invalid before a code is spent on terms that have changed meanwhile."""
    if version not in ("", consents.WORDING[Kind.TERMS][0]):
        raise Invalid(errors={"terms": [str(consents.WORDING_CHANGED)]})


@transaction.atomic
def account_of(row: PhoneCode) -> tuple[User, bool]:
    """Whose log-in a right code is: the account, and whether it is new. Signing up agrees to the terms.

    A code by e-mail opens the account that it was sent for, and makes none. Raises CodeExpired.
    """
    if row.channel == Channel.EMAIL:
        user = User.objects.filter(id=row.user_id, phone=row.phone).first()
        if user is None:
            raise CodeExpired
        return user, False
    fresh = {"language": "", "password": User().password}
    user, new = User.objects.get_or_create(phone=row.phone, defaults=fresh)
    if new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        consents.give(user, kind=Kind.TERMS, version=consents.WORDING[Kind.TERMS][0])
    return user, new


def set_phone(user: Any, row: PhoneCode) -> None:
    """Raises PhoneTaken, which only who holds the number learns."""
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(phone=row.phone)
    except IntegrityError:
        raise PhoneTaken from None
    user.phone = row.phone


@transaction.atomic
def remove_phone(user: Any) -> None:
    """Raises LastWayIn."""
    account = User.objects.select_for_update().get(id=user.id)
    if not account.proven_address and not (account.address and account.has_usable_password()):
        raise LastWayIn
    User.objects.filter(id=user.id).update(phone=None)
    user.phone = None
