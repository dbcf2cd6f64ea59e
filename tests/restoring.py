"""A quick double of the engine that restores, for config/studio.py, and restorations as rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ml import media
from ml.errors import MLError
from ml.types import Picture, Progress, Restored, RestoredFace, RestoreSpec, go_on
from tests.studio import EngineDouble


@dataclass
class RestorerDouble(EngineDouble):
    """Gives the picture back as PNG. `identity` below 0.5 is flagged; `fails` gives an error's code."""

    identity: float | None = 0.9
    fails: str = ""
    specs: list[RestoreSpec] = field(default_factory=list)
    during: Callable[[], Any] = lambda: None

    def restore(self, spec: RestoreSpec, *, on_progress: Progress = go_on) -> Restored:
        self.specs.append(spec)
        self.tell(on_progress, "restoring", 0.5)
        self.during()
        if self.fails:
            raise MLError(self.fails, "no")
        picture = media.to_array(spec.picture)
        fidelity = 0.35 if spec.fidelity is None else spec.fidelity
        face = RestoredFace((1, 2, 30, 40), "restored", 0.2, 0.6, self.identity, fidelity)
        made = Picture(
            png=media.encode_png(picture),
            prompt="",
            seed=0,
            width=picture.shape[1],
            height=picture.shape[0],
            likeness=None,
            safety=0.0,
            seconds=0.1,
            mark=1,
            engine="photoflux-restorer",
        )
        low = self.identity is not None and self.identity < 0.5
        return Restored(made, (face,), spec.scale, is_flagged=low)


def restoration_of(user: Any, data: bytes, **fields: Any) -> Any:
    """A succeeded restoration with its files, as a worker leaves it, without a result in the gallery."""
    from accounts.vault.vault import store
    from generation.models import Job
    from generation.restorations.models import Restoration

    job = Job.objects.create(
        user=user, kind="restore", of_twin=False, prompt="", seed=0, status="succeeded", price=1
    )
    row = Restoration.objects.create(user=user, job=job, width=640, height=640, **fields)
    for name in (row.original, row.thumbnail):
        store(user.id).write(name, data)
    return row
