"""The circuits of services that run engines for us. All processes share them through Redis.

FAILURES failures in a row open a service's circuit: for OPEN seconds nobody asks the service. Then one thread
may try. Its success closes the circuit; its failure opens it again. Without Redis every circuit is closed.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

FAILURES = 5
OPEN = 60  # seconds
REMEMBERED = 3600  # seconds after which failures are forgotten when nobody asks
Answer = TypeVar("Answer")
_clients: list[redis.Redis] = []  # none or one; a client may be used by several threads


def client() -> redis.Redis:
    if not _clients:
        soon = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 1)}
        _clients.append(redis.Redis.from_url(settings.REDIS_URL, **soon))
    return _clients[0]


class Circuit:
    """Implements ml's Circuit."""

    def open(self, service: str) -> bool:
        """Whether this thread may not ask the service. Among several that ask after OPEN seconds, one gets
        the trial and thus False."""
        return _told(lambda: self._open(service), False)

    def is_open(self, service: str) -> bool:
        """The same, but takes no trial: for those who decide whether to begin."""
        return _told(lambda: self._looks_open(service), False)

    def failed(self, service: str) -> None:
        _told(lambda: self._failed(service), None)

    def worked(self, service: str) -> None:
        _told(lambda: client().delete(*_names(service)), None)

    def _open(self, service: str) -> bool:
        if not self._half_open(service):
            return bool(client().exists(_opened(service)))
        taken = client().set(_trial(service), _holder(), nx=True, ex=OPEN)
        return not taken and client().get(_trial(service)) != _holder().encode()

    def _looks_open(self, service: str) -> bool:
        if not self._half_open(service):
            return bool(client().exists(_opened(service)))
        return client().get(_trial(service)) not in (None, _holder().encode())

    def _half_open(self, service: str) -> bool:
        """Whether it failed too often and OPEN seconds are over."""
        failures, opened = client().mget(_failures(service), _opened(service))
        return int(failures or 0) >= FAILURES and not opened

    def _failed(self, service: str) -> None:
        failures = client().incr(_failures(service))
        client().expire(_failures(service), REMEMBERED)
        if int(failures) >= FAILURES:
            client().set(_opened(service), 1, ex=OPEN)
            client().delete(_trial(service))


def _names(service: str) -> tuple[str, str, str]:
    return _failures(service), _opened(service), _trial(service)


def _failures(service: str) -> str:
    return f"circuit:{service}:failures"


def _opened(service: str) -> str:
    return f"circuit:{service}:open"


def _trial(service: str) -> str:
    return f"circuit:{service}:trial"


def _holder() -> str:
    """Names this thread among those of all machines."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def _told(ask: Callable[[], Answer], without: Answer) -> Answer:
    try:
        return ask()
    except redis.RedisError as e:
        log.warning("no circuit: %s", e)
        return without
