"""The Celery application of workers that tests start: the product's own, with doubles that say what they do.

STUDIO=paint takes the doubles of tests/studio.py, whose steps wait for a file `go` in STUDIO_FOLDER when one named `wait`
is there, and are written down in `steps`. Without it the real one is used. CRASH_AT: see bench/crash.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from config.celery import app

if os.environ.get("STUDIO") == "paint":
    from config import studio
    from tests.studio import EngineDouble, JudgeDouble

    folder = Path(os.environ["STUDIO_FOLDER"])

    def on_step(stage: str, share: float) -> None:
        with (folder / "steps").open("a") as file:
            file.write(f"{stage} {share:.2f} {os.getpid()}\n")
        while (folder / "wait").exists() and not (folder / "go").exists():
            time.sleep(0.02)  # a worker has no other way to be held at a step

    studio.use_judge(JudgeDouble())  # type: ignore[arg-type]
    studio.use_engine("nano", EngineDouble(on_step=on_step, steps=6))

if "CRASH_AT" in os.environ:
    import django

    from bench import crash

    django.setup()
    crash.arm()

__all__ = ["app"]
