"""A picture at print size. The engine of this machine makes it, whatever made the picture."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from billing import prices
from config.studio import get_base, get_engine
from gallery.models import Item
from gallery.shelf import stacks
from generation.kinds import RENDER
from generation.kinds.image import ImageKind, original_of, spec
from generation.models import Job
from ml import types

HERE = "nano"  # the profile that runs on every installation; enlarging needs none of its models
KEPT = (
    "kind",
    "twin_id",
    "training",
    "demonstration",
    "prompt",
    "style",
    "engine",
    "likeness",
    "tags",
    "place",
)  # of the original


class EnlargeKind(ImageKind):
    name, label, task, queue = "enlarge", _("an enlarged picture"), RENDER, "cpu"
    profile = HERE

    def price(self, job: Job) -> int:
        return prices.pictures(get_base(HERE), "standard", 1)

    def make(self, job: Job, index: int, on_progress: types.Progress) -> types.Picture:
        files = store(job.user_id)
        return get_engine(HERE).enlarge(
            spec(job, index), times=job.times or 2, store=files, on_progress=on_progress
        )

    def is_recognised(self, job: Job, result: types.Picture) -> bool:
        return True

    def record(self, job: Job, index: int, ident: UUID, result: types.Picture, facts: dict[str, Any]) -> None:
        original = original_of(job)
        kept = {name: getattr(original, name) for name in KEPT} if original else {"prompt": job.prompt}
        told = {"times": job.times, "faces_restored": result.faces_restored}
        recipe = (original.recipe if original else {}) | told
        item = Item.objects.create(
            id=ident,
            user_id=job.user_id,
            original=original,
            job=job.id,
            index=index,
            recipe=recipe,
            width=result.width,
            height=result.height,
            safety=result.safety,
            mark=result.mark,
            **kept,
            **facts,
        )
        if original:
            stacks.join(item, original)
