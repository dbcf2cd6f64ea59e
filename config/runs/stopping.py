"""Whether this worker was told to stop (SIGTERM: a deploy, an eviction).

Celery's main process takes the signal, stops fetching messages and waits for the processes of its pool. The
tasks in them do not learn of the signal. So the main process sets a byte of shared memory, and the tasks
read it.
"""

from __future__ import annotations

import mmap
from typing import Any

from celery.signals import worker_shutting_down


class StopFlag:
    """One byte shared between this process and those it forks. Setting it takes no lock, because a signal
    handler sets it."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)  # anonymous, shared

    def set(self) -> None:
        self._byte[0] = 1

    def clear(self) -> None:
        self._byte[0] = 0

    def is_set(self) -> bool:
        return self._byte[0] == 1


told_to_stop = StopFlag()


@worker_shutting_down.connect
def _on_signal(**_facts: Any) -> None:
    told_to_stop.set()
