"""How a job of each kind is made again."""

from __future__ import annotations

from collections.abc import Callable

from generation import services
from generation.clips import services as clips
from generation.models import Job
from generation.packs import services as packs

OF_KIND: dict[str, Callable[..., Job]] = {packs.HEADSHOTS: packs.again, clips.VIDEO: clips.again}


def again_of(job: Job) -> Callable[..., Job]:
    """Takes the job, `same_seed`, `key` and what is to differ."""
    return OF_KIND.get(job.kind, services.repeat)
