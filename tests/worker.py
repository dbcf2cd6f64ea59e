"""The Celery application of workers that tests start: the product's own, with a studio that says what it does.

STUDIO=paint takes the quick studio of tests/studio.py. Files in STUDIO_FOLDER speak to it: see tests/processes.py.
Without it the real studio is used. CRASH_AT: see bench/crash.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery.signals import task_postrun, task_prerun

from config.celery import app

if os.environ.get("STUDIO") == "paint":
    from config import studio
    from tests.studio import PaintStudio

    folder = Path(os.environ["STUDIO_FOLDER"])

    def on_step(stage: str, share: float) -> None:
        with (folder / "steps").open("a") as file:
            file.write(f"{stage} {share:.2f} {os.getpid()}\n")
        while (folder / "wait").exists() and not (folder / "go").exists():
            time.sleep(0.02)  # a worker has no other way to be held at a step

    @task_prerun.connect
    def before(**_more: object) -> None:
        """Takes no task while the worker is paused. `busy` comes first, so that a pause never misses a task."""
        (folder / "busy").touch()
        while (folder / "pause").exists():
            (folder / "busy").unlink(missing_ok=True)
            time.sleep(0.02)
            (folder / "busy").touch()

    @task_postrun.connect
    def after(**_more: object) -> None:
        (folder / "busy").unlink(missing_ok=True)

    studio.use("nano", PaintStudio(on_step=on_step, steps=6))  # type: ignore[arg-type]

if "CRASH_AT" in os.environ:
    import django

    from bench import crash

    django.setup()
    crash.arm()

__all__ = ["app"]
