"""Sends things to another server from a thread of its own. Whoever hands one over never waits."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import httpx2

log = logging.getLogger(__name__)

WAITING, AT_ONCE, PAUSE, PATIENCE = 1000, 100, 60.0, 2.0
Thing = TypeVar("Thing")


class Sender(Generic[Thing]):
    """`send` takes some things and returns the answer. After a 429 nothing is sent for as long as it says.
    What is too much is dropped."""

    def __init__(self, send: Callable[[list[Thing]], httpx2.Response]) -> None:
        self.send, self.process, self.quiet_until = send, 0, 0.0
        self.waiting: queue.Queue[Thing] = queue.Queue(WAITING)

    def put(self, thing: Thing) -> None:
        if self.process != os.getpid():  # threads do not live on in the children of a worker
            self.process, self.waiting = os.getpid(), queue.Queue(WAITING)
            threading.Thread(target=self._work, args=(self.waiting,), daemon=True).start()
        try:
            self.waiting.put_nowait(thing)
        except queue.Full:
            log.warning("not sent: too many wait")

    def flush(self) -> None:
        """Waits a moment for what is to be sent."""
        end = time.monotonic() + PATIENCE
        while self.process == os.getpid() and self.waiting.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.01)

    def _work(self, waiting: queue.Queue[Thing]) -> None:
        while True:
            found = [waiting.get()]
            while len(found) < AT_ONCE and not waiting.empty():
                found.append(waiting.get())
            try:
                self._try(found)
            except httpx2.HTTPError as error:
                log.warning("not sent: %s", error)
            for _ in found:
                waiting.task_done()

    def _try(self, found: list[Thing]) -> None:
        if time.monotonic() < self.quiet_until:
            return
        answer = self.send(found)
        if answer.status_code == 429:
            said = answer.headers.get("Retry-After", "")
            self.quiet_until = time.monotonic() + (float(said) if said.isdigit() else PAUSE)
        elif answer.is_error:
            log.warning("not sent: HTTP %s", answer.status_code)
