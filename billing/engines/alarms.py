"""Tells staff what only they can mend: a key that a service refuses."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.emails import tell_staff
from config.runs import circuit
from ml.catalogue import SERVICES
from ml.remote.keys import name_of

log = logging.getLogger(__name__)

QUIET = 86400  # seconds without another e-mail about the same key


def key_refused(service: str, key: str, reason: str) -> None:
    """Writes to the log at each refusal, and an e-mail once a day. `key` is the key's name, never the key."""
    log.error("%s refuses the key %s: %s", service, key, reason)
    if _is_first(f"told:{service}:{key}", reason):
        tell_staff(lambda: _words(service, key, reason))


def refused(service: str) -> dict[str, str]:
    """Key's name -> why the company refused it, of the keys in the settings that it refused within a day."""
    names = [name_of(key) for key in settings.REMOTES[service].keys]
    try:
        said = circuit.client().mget([f"told:{service}:{name}" for name in names])
    except redis.RedisError:
        return {}
    return {name: why.decode() for name, why in zip(names, said, strict=True) if why}


def _is_first(name: str, reason: str) -> bool:
    """False without Redis: a flood of e-mails helps nobody. The figures page reads the reason."""
    try:
        return bool(circuit.client().set(name, reason, nx=True, ex=QUIET))
    except redis.RedisError:
        return False


def _words(service: str, key: str, reason: str) -> tuple[str, str]:
    company = SERVICES[service].company
    text = _(
        "%(company)s refuses the key that our settings name %(key)s: %(reason)s\n\n"
        "Work goes on with the next key, if there is one. `manage.py check_engines` tests every key."
    )
    facts = {"company": company, "key": key, "reason": reason}
    return _("A key for %(company)s is refused") % facts, text % facts
