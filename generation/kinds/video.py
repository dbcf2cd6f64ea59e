"""Clips: a picture of the twin, moved. The engine makes that picture first where none was given."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from billing import prices
from billing.engines.working import given
from config.runs.stages import Stages
from config.studio import get_engine
from gallery.models import Item
from gallery.services import save_item
from generation.kinds import RENDER
from generation.kinds.image import original_of, spec
from generation.models import Job
from ml import types
from ml.animation import AnimateSpec, Clip

# (begin, end) of each stage, as shares of the whole time.
STAGES: Stages = {
    "rendering": (0.0, 0.15),  # the first picture
    "animating": (0.15, 0.85),
    "checking": (0.85, 0.95),
    "encoding": (0.95, 1.0),
}
# At a service: the first picture, and then the clip, are sent, wait for a machine there, and are made.
STAGES_THERE: Stages = STAGES | {"sending": (0.0, 0.05), "waiting there": (0.05, 0.15)}
STAGES_THERE |= {"finishing": (0.15, 0.15)}


class VideoKind:
    name, label, task, queue = "video", _("a clip"), RENDER, "render"
    stages, stages_there = STAGES, STAGES_THERE

    def price(self, job: Job) -> int:
        return prices.video(job.duration or 0)

    def make(self, job: Job, index: int, on_progress: types.Progress) -> Clip:
        files = store(job.user_id)
        engine = get_engine(job.base.name)
        return engine.animate(spec_of(job, index), **given(job, files, on_progress))

    def is_recognised(self, job: Job, result: Clip) -> bool:
        """The engine delivers no clip below the floor: it fails instead."""
        return True

    def save(self, job: Job, ident: UUID, result: Clip) -> dict[str, Any]:
        return save_item(job.user_id, ident, result.mp4, poster=result.poster)

    def record(self, job: Job, index: int, ident: UUID, result: Clip, facts: dict[str, Any]) -> None:
        Item.objects.create(
            id=ident,
            user_id=job.user_id,
            kind=Item.Kind.VIDEO,
            media_type="video/mp4",
            twin=job.twin,
            training=job.training_id,
            job=job.id,
            index=index,
            original=original_of(job),
            prompt=job.prompt,
            style=job.style,
            recipe={**job.recipe, "seed": result.seed},
            engine=result.engine,
            width=result.width,
            height=result.height,
            duration=result.seconds,
            likeness=result.likeness,
            likeness_low=result.likeness_low,
            safety=result.safety,
            mark=result.mark,
            **facts,
        )

    def discard(self, job: Job, ident: UUID) -> None:
        store(job.user_id).delete_all(f"{Item(id=ident).folder}/")


def spec_of(job: Job, index: int) -> AnimateSpec:
    return AnimateSpec(
        first=spec(job, index),
        motion=job.motion,
        action=job.action,
        seconds=job.duration or 0,
        seed=job.seed,
        drawing=Item(id=job.reference).drawing if job.reference else None,
    )
