"""Pictures from a prompt. Picture i uses seed + i."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from billing import prices
from billing.engines.working import given
from config.studio import get_engine
from gallery.models import Item
from gallery.services import save_item
from generation import adult
from generation.kinds import RENDER
from generation.models import Job, mask_file
from ml import demonstration, types
from ml.demonstration import WithDemonstration
from ml.errors import MLError


class ImageKind:
    name, label, task, queue = "image", _("pictures"), RENDER, "render"

    def price(self, job: Job) -> int:
        if job.demonstration:
            return 0
        return prices.pictures(job.base, job.quality, job.count, job.steps)

    def make(self, job: Job, index: int, on_progress: types.Progress) -> types.Picture:
        engine = get_engine(job.base.name)
        files = WithDemonstration(store(job.user_id))
        pictures = engine.render(spec(job, index), **given(job, files, on_progress))
        picture = next(iter(pictures))
        if job.adult and not self._shows_twin(job, picture):
            raise MLError("result_refused", "")  # it may be somebody else
        return picture

    def _shows_twin(self, job: Job, picture: types.Picture) -> bool:
        """Surely, and not only where nobody can tell."""
        return picture.likeness is not None and picture.likeness >= job.base.floor

    def is_recognised(self, job: Job, result: types.Picture) -> bool:
        """False below the base's likeness floor. A picture that cannot be measured is not judged, nor is one
        of a training whose measure is not trusted."""
        low = result.likeness is not None and result.likeness < job.base.floor
        return not (settings.LIKENESS_FLOOR and low and job.training and job.training.is_measured)

    def save(self, job: Job, ident: UUID, result: types.Picture) -> dict[str, Any]:
        facts = save_item(job.user_id, ident, result.png)
        if result.drawing:
            store(job.user_id).write(Item(id=ident).drawing, json.dumps(result.drawing).encode())
        return facts

    def record(self, job: Job, index: int, ident: UUID, result: types.Picture, facts: dict[str, Any]) -> None:
        original = original_of(job)
        Item.objects.create(
            id=ident,
            user_id=job.user_id,
            twin=job.twin,
            training=job.training_id,
            demonstration=job.demonstration or bool(original and original.demonstration),
            job=job.id,
            index=index,
            original=original,
            prompt=job.prompt,
            style=job.style,
            recipe={**job.recipe, "seed": result.seed, "count": 1},
            engine=result.engine,
            width=result.width,
            height=result.height,
            likeness=result.likeness,
            safety=adult.SAFETY if job.adult else result.safety,
            mark=result.mark,
            **facts,
        )

    def discard(self, job: Job, ident: UUID) -> None:
        store(job.user_id).delete_all(f"{Item(id=ident).folder}/")


def original_of(job: Job) -> Item | None:
    """The picture that a job begins from; None when there is none any more."""
    return Item.objects.owned_by(job.user_id).filter(id=job.reference).first() if job.reference else None


def spec(job: Job, index: int) -> types.RenderSpec:
    lora, sha256 = _lora(job)
    return types.RenderSpec(
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        lora=lora,
        sha256=sha256,
        subject=job.subject,
        style=job.style,
        era=job.era or "",
        aspect=job.aspect_ratio,
        quality=job.quality,
        count=1,
        seed=job.seed + index,
        steps=job.steps,
        longest=job.longest,
        adult=job.adult,
        **_begins_from(job),
    )


def _lora(job: Job) -> tuple[str | None, str | None]:
    """The name and the checksum of the LoRA of who is shown; of nobody there is none."""
    if job.demonstration:
        return demonstration.NAME, demonstration.sha256()
    return (job.training.lora, job.training.sha256) if job.training else (None, None)


def _begins_from(job: Job) -> dict[str, Any]:
    if not job.reference:
        return {}
    mask = mask_file(job.mask) if job.mask else None
    found = {"reference": Item(id=job.reference).content, "mask": mask, "region": job.region}
    return found | ({} if job.strength is None else {"strength": job.strength})
