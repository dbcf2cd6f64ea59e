"""Tokens of links: random, signed (a made-up one never reaches the database), stored as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.core.signing import BadSignature, Signer
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, NotFound

_signer = Signer(sep=".", salt="twins.proof")


class LinkOver(DomainError):
    code, status = "link_over", 410
    message = _("This link is not valid any more. Ask for a new one.")


class LinkUsed(DomainError):
    code, status = "link_used", 410
    message = _("This link was used already. It works once.")


def new_token() -> tuple[str, str]:
    """The token for the link, and the hash to store."""
    token = _signer.sign(secrets.token_urlsafe(24))
    return token, hash_of(token)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make(kind: Any, *, valid: timedelta, **fields: Any) -> tuple[Any, str]:
    """A new link of this model, and its token, which is not stored."""
    token, hashed = new_token()
    return kind.objects.create(token_hash=hashed, expires_at=timezone.now() + valid, **fields), token


def find(kind: Any, token: str) -> Any:
    """The link with this token, whether it is open or over. Raises NotFound."""
    try:
        _signer.unsign(token)
    except BadSignature:
        raise NotFound from None
    return of_hash(kind, token_hash=hash_of(token))


def of_hash(kind: Any, **hashed: Any) -> Any:
    """Raises NotFound, also once the account that made the link is closed."""
    found = kind.objects.select_related("twin", "user").filter(user__is_active=True, **hashed).first()
    if found is None:
        raise NotFound
    return found


def require_open(link: Any) -> None:
    """Raises LinkOver."""
    if not link.is_open:
        raise LinkOver
