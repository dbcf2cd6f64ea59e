"""Wakes threads that wait for a service, when one of its webhooks came to a web process.

The message goes through Redis. One thread of a process holds the subscription. A lost message does no harm:
who waits also asks the service from time to time.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref

import redis
from django.conf import settings

from config.runs import circuit
from config.runs.stopping import told_to_stop

log = logging.getLogger(__name__)

CHANNEL = "remote"  # a message is the reference of a request
LOOK = 0.5  # seconds between two checks whether this worker was told to stop
AGAIN = 5.0  # seconds until the next try after the subscription broke


def ring(reference: str) -> None:
    try:
        circuit.client().publish(CHANNEL, reference)
    except redis.RedisError as e:
        log.warning("no wake-up for %s: %s", reference, e)


class Bells:
    """The bells of this process, by reference. A bell lives as long as somebody holds it."""

    def __init__(self) -> None:
        self._bells: weakref.WeakValueDictionary[str, Bell] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def of(self, reference: str) -> Bell:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="bells", daemon=True)
                self._thread.start()
            return self._bells.setdefault(reference, Bell())

    def _listen(self) -> None:
        while True:
            try:
                self._heard()
            except (redis.RedisError, OSError) as e:
                log.debug("no wake-ups from services: %s", e)
            time.sleep(AGAIN)

    def _heard(self) -> None:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1) as client:
            heard = client.pubsub()
            heard.subscribe(CHANNEL)
            for message in heard.listen():
                if message["type"] == "subscribe":
                    self._ring_all()  # some may have been missed
                elif message["type"] == "message":
                    self._ring(message["data"].decode(errors="replace"))

    def _ring_all(self) -> None:
        for bell in list(self._bells.values()):
            bell.event.set()

    def _ring(self, reference: str) -> None:
        if bell := self._bells.get(reference):
            bell.event.set()


class Bell:
    """Rings once for all messages since the last `wait`."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def wait(self, seconds: float) -> None:
        """Returns after `seconds`, when it rings, or soon after this worker was told to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not told_to_stop.is_set():
            if self.event.wait(min(left, LOOK)):
                break
        self.event.clear()


bells = Bells()
