"""fal's webhooks: "this request has ended". Each is only a hint: the waiting worker asks the service itself.

A webhook changes two columns of its request: when it came, and their id, where the answer to the submit was
lost. One of a request that was given up as lost also empties the address of its status, by which settling
knows that it shall be cancelled there.

The keys that sign webhooks are fetched from the service, kept for a day, and fetched again when a signature
is by none of them, at most every five minutes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.engines import bells
from billing.engines.models import RemoteRequest
from config.errors import DomainError, NotFound, Unavailable
from ml.errors import MLError
from ml.remote import webhooks as signed
from ml.remote.http import Http, NotSent, Unanswered

log = logging.getLogger(__name__)

AGAIN = 300.0  # seconds between two fetches for an unknown key
SOON = 10.0  # the same while none is known
PATIENCE = 0.7  # seconds a webhook waits for the keys; it is answered within a second
LOST = RemoteRequest.State.LOST
STATES = (*RemoteRequest.OPEN, LOST)


class BadSignature(DomainError):
    code, status = "bad_signature", 400
    message = _("This is not signed by the service, or it is too old.")


def receive(reference: Any, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the webhook changed anything. Raises BadSignature, NotFound for a request that is not ours,
    Unavailable while the service's keys cannot be had: then it is sent again."""
    if "fal" not in settings.REMOTES:
        raise NotFound
    said = _verified(headers, body)
    row = RemoteRequest.objects.filter(id=reference, service="fal").first()
    if row is None:
        raise NotFound
    if row.request_id not in ("", said) or row.webhook_at or row.state not in STATES:
        return False  # of another request, twice, or late
    return _remember(row, said)


def _remember(row: RemoteRequest, said: str) -> bool:
    rows = RemoteRequest.objects.filter(
        id=row.id, webhook_at=None, request_id__in=("", said), state=row.state
    )
    again = {"status_url": ""} if row.state == LOST else {}
    try:
        with transaction.atomic():
            changed = rows.update(webhook_at=timezone.now(), request_id=said, **again)
            transaction.on_commit(partial(bells.ring, str(row.id)), robust=True)
    except IntegrityError:  # another request has this id
        return False
    return bool(changed)


def _verified(headers: Mapping[str, str], body: bytes) -> str:
    """The id of the request. What is signed by no known key is checked again with newer keys."""
    for known in (keys.known, keys.newer):
        try:
            return signed.verify(headers, body, known(), time.time())
        except MLError as e:
            if e.code != "webhook_forged":
                break
    raise BadSignature


def fetch() -> bytes:
    """The service's list of keys. Raises OSError."""
    http = Http(settings.REMOTES["fal"])
    try:
        for url in http.remote.jwks:
            with suppress(NotSent, Unanswered):
                answer = http.read(url)
                if answer.status == 200:
                    return answer.body
    finally:
        http.close()
    raise OSError("no list of keys")


class Keys:
    """The service's keys, as this process knows them."""

    def __init__(self, fetch: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock, self._lock = fetch, clock, threading.Lock()
        self._keys: tuple[bytes, ...] = ()
        self._fetched_at = self._tried_at = clock() - signed.KEEP_KEYS
        self._fetching: threading.Thread | None = None

    def known(self) -> tuple[bytes, ...]:
        """None when they are too old."""
        return self._keys if self._clock() - self._fetched_at < signed.KEEP_KEYS else ()

    def newer(self) -> tuple[bytes, ...]:
        """Fetched again, unless that was tried less than AGAIN seconds ago. Raises Unavailable while there
        are none."""
        if self._clock() - self._tried_at >= (AGAIN if self.known() else SOON):
            self._refresh()
        if not self.known():
            raise Unavailable
        return self.known()

    def _refresh(self) -> None:
        """Fetches in a thread, which may go on after PATIENCE for the next webhook."""
        with self._lock:
            if self._fetching is None or not self._fetching.is_alive():
                self._tried_at = self._clock()
                self._fetching = threading.Thread(target=self._load, daemon=True)
                self._fetching.start()
            fetching = self._fetching
        fetching.join(PATIENCE)

    def _load(self) -> None:
        try:
            self._keys = signed.parse_jwks(self._fetch())
            self._fetched_at = self._clock()
        except (OSError, MLError) as e:
            log.warning("no keys of webhooks: %s", e)


keys = Keys(fetch)
