"""The Celery application of workers that tests start: the product's own, with doubles that say what they do.

STUDIO=paint takes the quick doubles of tests/studio.py. Its steps are written to the file `steps` in
STUDIO_FOLDER, and one whose line begins with what the file `wait` holds waits until that file is gone.
Without STUDIO the real one is used. CRASH_AT: see bench/mortal.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from config.celery import app
from tests.shared_worker import take_no_task_while_paused

if os.environ.get("STUDIO") == "paint":
    from config import studio
    from tests.studio import EngineDouble, JudgeDouble

    folder = Path(os.environ["STUDIO_FOLDER"])

    take_no_task_while_paused(folder)

    def awaited() -> str | tuple[str, ...]:
        """() when nothing waits: no line begins with one of none."""
        try:
            return (folder / "wait").read_text()
        except FileNotFoundError:
            return ()

    def on_step(stage: str, share: float) -> None:
        line = f"{stage} {share:.2f} {os.getpid()} {os.getppid()}\n"
        with (folder / "steps").open("a") as file:
            file.write(line)
        while line.startswith(awaited()):
            time.sleep(0.02)  # a worker has no other way to be held at a step

    studio.use_judge(JudgeDouble(on_step=on_step))  # type: ignore[arg-type]
    studio.use_engine("nano", EngineDouble(on_step=on_step, steps=6))

if "CRASH_AT" in os.environ:
    import django

    from bench import mortal

    django.setup()
    mortal.arm()

__all__ = ["app"]
