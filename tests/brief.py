"""The built-in base, measured on few scenes. Rendering the scenes and finding the faces in them takes most of
the time of a short training. The whole recipe runs in tests/trained.py and with --thorough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ml.catalogue import BASES, Base


def brief(scenes: int, checkpoints: int) -> Base:
    base = BASES["nano"]
    return replace(base, recipe=replace(base.recipe, prompts=scenes, checkpoints=checkpoints))


def use_brief(scenes: int, checkpoints: int) -> None:
    """In a process that a test starts."""
    BASES["nano"] = brief(scenes, checkpoints)


def use_told(source: str, on_step: Callable[[str, float], Any] = lambda stage, share: None) -> None:
    """The engine on the base in `source`, measured on one scene, which tells each step before the task's own
    progress hears of it."""
    from django.conf import settings

    from config import studio
    from ml.local.engine import LocalEngine
    from ml.types import Progress
    from tests.ml.doubles import CentredFaces

    class Told(LocalEngine):
        def train(self, spec: Any, *, on_progress: Progress, **more: Any) -> Any:
            def tell(stage: str, share: float) -> bool:
                on_step(stage, share)
                return on_progress(stage, share)

            return super().train(spec, on_progress=tell, **more)

    keys = settings.KEYS / "provenance"
    engine = Told("nano", source=source, keys=keys, threads=1, faces=CentredFaces())
    engine.base = replace(engine.base, recipe=brief(1, 2).recipe)
    studio.use_engine("nano", engine)
