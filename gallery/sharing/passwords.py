"""Passwords of share links: hashed by Argon2id, asked for once a session, wrong ones limited.

Wrong passwords count for the visitor's address first, so a stranger's guesses lock out nobody else. They are
counted in PostgreSQL, as those of accounts are (accounts/attempts.py).
"""

from __future__ import annotations

import os
from typing import Any

from allauth.core.internal import ratelimit
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, Invalid, RateLimited
from config.web.text import nfc
from gallery.sharing.models import ShareLink

COST = {"length": 32, "iterations": 2, "lanes": 1, "memory_cost": 19 * 1024}  # KiB; OWASP's least
RATES = {
    "share_password": "5/5m/key",  # of one link from one address
    "share_passwords_from": "30/5m/ip",  # of one address, for all links
    "share_passwords_of": "1000/d/key",  # of one link, from all addresses
}
KEY, MOST = "shares", 50  # in the session: the newest links that were opened with their password


class PasswordRequired(DomainError):
    code, status = "password_required", 403
    message = _("These pictures need a password. Open the link and enter it.")


def hashed(password: str) -> str:
    return Argon2id(salt=os.urandom(16), **COST).derive_phc_encoded(nfc(password).encode())


def is_open(request: Any, link: ShareLink) -> bool:
    return not link.password_hash or str(link.id) in request.session.get(KEY, [])


def require_open(request: Any, link: ShareLink) -> None:
    """Raises PasswordRequired."""
    if not is_open(request, link):
        raise PasswordRequired


def open_link(request: Any, link: ShareLink, password: str) -> None:
    """Opens the link in the request's session. Raises Invalid, RateLimited."""
    counted = _count(request, link)
    try:
        Argon2id.verify_phc_encoded(nfc(password).encode("utf-8", "replace"), link.password_hash)
    except InvalidKey:
        raise Invalid(errors={"password": [str(_("This is not the password."))]}) from None
    for usage in counted:
        usage.rollback()
    request.session[KEY] = [*request.session.get(KEY, []), str(link.id)][-MOST:]


def _count(request: Any, link: ShareLink) -> list[Any]:
    """Counts a guess before it is checked, so that parallel guesses are bounded too. Raises RateLimited."""
    here = f"{ratelimit.get_ip(request)} {link.id}"
    counted = []
    for action, key in zip(RATES, (here, None, str(link.id)), strict=True):
        usage = ratelimit.consume(
            request, app="gallery", action=action, config=RATES, key=key, limit_get=True
        )
        if usage is None:
            raise RateLimited
        counted.append(usage)
    return counted
