"""Makes, replaces, ends and recognises API keys."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.developers.models import ApiKey
from accounts.models import User
from accounts.retention import kept
from accounts.standing import services as standing
from config.errors import DomainError, Invalid, NotFound

MOST = 10  # keys of a user; one that is replaced does not count
OVERLAP = kept("api_keys")  # how long a replaced key is still good
KEY = re.compile(r"pf_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
USED_EVERY = timedelta(minutes=1)  # between two writes of last_used_at


class KeyLimit(DomainError):
    code, status = "key_limit", 409
    message = gettext_lazy("You have %(most)s keys, and there cannot be more. End one first.")


class KeyReplaced(DomainError):
    code, status = "key_replaced", 409
    message = gettext_lazy(
        "This key is being replaced. End its former key first, or wait until it has ended."
    )


@transaction.atomic
def create_key(user: Any, *, name: str, scopes: Iterable[str]) -> tuple[ApiKey, str]:
    """Returns the new row and the whole key, which nobody can read again.

    Raises Suspended, KeyLimit, Invalid.
    """
    standing.require(user.pk)
    _lock(user)
    keys = ApiKey.objects.owned_by(user).filter(ends_at=None)
    if keys.filter(name=name).exists():
        raise Invalid(errors={"name": [_("You have a key of this name. Choose another name.")]})
    if keys.count() >= MOST:
        raise KeyLimit(most=MOST)
    return _issue(user, name, scopes)


@transaction.atomic
def rotate_key(key: ApiKey) -> tuple[ApiKey, str]:
    """Replaces the key by a new one of the same name and scopes. The old one is good for OVERLAP, or until it
    is ended. Raises KeyReplaced when two are alive already, NotFound when the key has ended, Suspended."""
    standing.require(key.user_id)
    _lock(key.user)
    mine = ApiKey.objects.owned_by(key.user)
    now = mine.live().filter(id=key.id).first()
    if now is None:
        raise NotFound
    if mine.live().filter(name=now.name).exclude(ends_at=None).exists():
        raise KeyReplaced
    mine.filter(id=now.id).update(ends_at=timezone.now() + OVERLAP)
    return _issue(key.user, now.name, now.scopes)


def end_key(key: ApiKey) -> None:
    """From now on it is refused."""
    key.delete()


def find_key(text: str) -> ApiKey | None:
    """The live key of an active account, or None."""
    parts = KEY.fullmatch(text)
    if parts is None:
        return None
    prefix, secret = parts.groups()
    found = ApiKey.objects.live().select_related("user").filter(prefix=prefix, user__is_active=True).first()
    return found if found and hmac.compare_digest(_digest(secret), found.digest) else None


def mark_used(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at <= now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        ApiKey.objects.filter(stale, id=key.id).update(last_used_at=now)


def forget_ended() -> int:
    """Deletes the keys that were replaced and whose time is over; returns how many."""
    return ApiKey.objects.filter(ends_at__lte=timezone.now()).delete()[0]


def _lock(user: Any) -> None:
    """Of two requests at once, the second sees the keys of the first."""
    User.objects.select_for_update().get(id=user.id)


def _issue(user: Any, name: str, scopes: Iterable[str]) -> tuple[ApiKey, str]:
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        user=user, name=name, scopes=sorted(set(scopes)), prefix=prefix, digest=_digest(secret)
    )
    return row, f"pf_{prefix}_{secret}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
