"""A file that a worker touches while it is alive, for supervisors that ask no port (Kubernetes).

`HEARTBEAT` names the file; without it nothing is written. The worker's main process touches it, which takes
messages from the broker. Whether a run goes on is said by its lease.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from celery.signals import worker_ready

EVERY = 10.0  # seconds


@worker_ready.connect
def begin(**_facts: Any) -> threading.Thread | None:
    if not (name := os.environ.get("HEARTBEAT", "")):
        return None
    thread = threading.Thread(
        target=_beat, args=(Path(name), threading.Event()), name="heartbeat", daemon=True
    )
    thread.start()
    return thread


def _beat(file: Path, end: threading.Event) -> None:
    while True:
        file.touch()
        if end.wait(EVERY):
            return
