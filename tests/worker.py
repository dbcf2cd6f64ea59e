"""The Celery application of workers that tests start: the product's own, with a studio they can steer.

STUDIO=paint takes the quick studio of tests/studio.py, whose steps wait for a file `go` in STUDIO_FOLDER when
one named `wait` is there, and are written down in `steps`. Without it the real one is used. CRASH_AT: see
bench/crash.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from config.celery import app
from tests.shared_worker import take_no_task_while_paused

if os.environ.get("STUDIO") == "paint":
    from config import studio
    from tests.studio import PaintStudio

    folder = Path(os.environ["STUDIO_FOLDER"])

    take_no_task_while_paused(folder)

    def on_step(stage: str, share: float) -> None:
        with (folder / "steps").open("a") as file:
            file.write(f"{stage} {share:.2f} {os.getpid()}\n")
        while (folder / "wait").exists() and not (folder / "go").exists():
            time.sleep(0.02)  # a worker has no other way to be held at a step

    studio.use("nano", PaintStudio(on_step=on_step, steps=6))  # type: ignore[arg-type]

if "CRASH_AT" in os.environ:
    import django

    from bench import crash

    django.setup()
    crash.arm()

__all__ = ["app"]
