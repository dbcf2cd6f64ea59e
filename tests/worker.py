"""The Celery application for workers that tests start: the product's application, optionally with doubles.

STUDIO=hosted selects the engine at the double of fal with small pictures (tests/hosted.py). STUDIO=brief is
the real studio, but a twin is measured on few scenes (tests/brief.py). STUDIO=tiny trains in earnest on the
base in STUDIO_SOURCES, with faces that are found at once.
STUDIO=paint selects the quick doubles of tests/studio.py. They, and STUDIO=tiny, append a line for each step
to the file `steps` in STUDIO_FOLDER. A step pauses while its line begins with the text in the file `wait`.
Without STUDIO the real studio runs. CRASH_AT is explained in bench/mortal.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from config.celery import app
from tests.shared_worker import take_no_task_while_paused

STUDIO = os.environ.get("STUDIO", "")

if STUDIO in ("paint", "tiny"):
    folder = Path(os.environ["STUDIO_FOLDER"])

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


if STUDIO == "paint":
    from config import studio
    from tests.studio import EngineDouble, JudgeDouble

    take_no_task_while_paused(folder)
    studio.use_judge(JudgeDouble(on_step=on_step, any_movement=True))  # type: ignore[arg-type]
    studio.use_engine("nano", EngineDouble(on_step=on_step, steps=6))

if STUDIO == "brief":
    from tests.brief import use_brief

    use_brief(scenes=1, checkpoints=1)

if STUDIO == "tiny":
    import django

    django.setup()
    from django.conf import settings

    from tests.brief import use_told

    use_told(settings.STUDIO_SOURCES["nano"], on_step)

if STUDIO == "hosted":
    import django

    django.setup()
    from tests.hosted import use_quick_engine

    use_quick_engine(Path(os.environ["STUDIO_FOLDER"]))

if "CRASH_AT" in os.environ:
    import django

    from bench import mortal

    django.setup()
    mortal.arm()

__all__ = ["app"]
