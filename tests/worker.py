"""The Celery application for workers that tests start: the product's application, optionally with doubles.

STUDIO=paint selects the quick doubles of tests/studio.py. They append a line for each step to the file
`steps` in STUDIO_FOLDER. A step pauses while its line begins with the text in the file `wait`. Without
STUDIO=paint the real studio runs. With STUDIO_AT_FAL the engine of fal makes small pictures, knows faces by
their colours (tests/hosted.py), and asks the double that FAL_URL names. CRASH_AT is explained in
bench/mortal.py.
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
        """The text in `wait`. Without that file, (): then line.startswith() is False."""
        try:
            return (folder / "wait").read_text()
        except FileNotFoundError:
            return ()

    def on_step(stage: str, share: float) -> None:
        line = f"{stage} {share:.2f} {os.getpid()} {os.getppid()}\n"
        with (folder / "steps").open("a") as file:
            file.write(line)
        while line.startswith(awaited()):
            time.sleep(0.02)  # polls until the test deletes `wait`

    studio.use_judge(JudgeDouble(on_step=on_step, any_movement=True))  # type: ignore[arg-type]
    studio.use_engine("nano", EngineDouble(on_step=on_step, steps=6))

if "STUDIO_AT_FAL" in os.environ:
    from django.conf import settings

    from config import studio
    from ml import safety
    from tests.hosted import small_engine
    from tests.ml.doubles import Said

    safety.use_detector(Said())
    studio.use_engine("fal", small_engine(settings.REMOTES["fal"], Path(os.environ["STUDIO_FOLDER"])))

if "CRASH_AT" in os.environ:
    import django

    from bench import mortal

    django.setup()
    mortal.arm()

__all__ = ["app"]
