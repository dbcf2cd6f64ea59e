"""Restored pictures: one result, of the picture that its owner sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from billing import prices
from config.studio import get_restorer
from gallery.models import Item
from gallery.services import save_item
from generation.kinds import RENDER
from generation.models import Job
from generation.restorations.models import Restoration
from generation.restorations.services import references
from ml import media, types
from ml.errors import Stopped
from moderation.policy import check_in_worker


class RestoreKind:
    name, label, task, queue = "restore", _("restorations"), RENDER, "render"
    by_prompt = False

    def price(self, job: Job) -> int:
        return prices.restoration()

    def make(self, job: Job, index: int, on_progress: types.Progress) -> types.Restored:
        row = restoration_of(job)
        vectors, embedder = references(row)
        picture = store(job.user_id).read(row.original)
        check_in_worker(job.user_id, media.to_array(picture))
        spec = types.RestoreSpec(
            picture=picture,
            fidelity=row.fidelity,
            scale=row.scale,
            background=row.background,
            references=vectors,
            embedder=embedder,
        )
        return get_restorer().restore(spec, on_progress=on_progress)

    def is_recognised(self, job: Job, result: types.Restored) -> bool:
        """A result that may not show the same person any more is not charged."""
        return not result.is_flagged

    def save(self, job: Job, ident: UUID, result: types.Restored) -> dict[str, Any]:
        return save_item(job.user_id, ident, result.picture.png)

    def record(
        self, job: Job, index: int, ident: UUID, result: types.Restored, facts: dict[str, Any]
    ) -> None:
        row, made = restoration_of(job), result.picture
        asked = {
            "kind": "restore",
            "fidelity": row.fidelity,
            "scale": row.scale,
            "background": row.background,
        }
        item = Item.objects.create(
            id=ident,
            user_id=job.user_id,
            kind=Item.Kind.RESTORED,
            job=job.id,
            index=index,
            recipe=asked,
            engine=made.engine,
            width=made.width,
            height=made.height,
            safety=made.safety,
            mark=made.mark,
            **facts,
        )
        Restoration.objects.filter(id=row.id).update(item=item, **told(result))

    def discard(self, job: Job, ident: UUID) -> None:
        store(job.user_id).delete_all(f"{Item(id=ident).folder}/")


def told(result: types.Restored) -> dict[str, Any]:
    """The columns of a restoration that say what came out."""
    return {
        "engine": result.picture.engine,
        "made_scale": result.scale,
        "made_fidelity": result.fidelity,
        "before": result.before,
        "after": result.after,
        "identity": result.identity,
        "flagged": result.is_flagged,
        "faces": [asdict(face) for face in result.faces],
    }


def restoration_of(job: Job) -> Restoration:
    """The row of a job. A job that staff run again takes the row of the failed one over. Raises Stopped when
    its owner deleted it."""
    row = Restoration.objects.filter(job=job).first()
    if row is None and job.retry_of:
        Restoration.objects.filter(job=job.retry_of).update(job=job)
        row = Restoration.objects.filter(job=job).first()
    if row is None:
        raise Stopped
    return row
