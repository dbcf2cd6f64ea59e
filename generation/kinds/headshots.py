"""Headshots: the pictures of a pack, in one job. Each picture has its own prompt, fixed at the request."""

from __future__ import annotations

from copy import copy
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from generation.kinds.image import ImageKind
from generation.models import Job
from ml import types


class HeadshotsKind(ImageKind):
    name, label = "headshots", _("headshots")

    def make(self, job: Job, index: int, on_progress: types.Progress) -> types.Picture:
        return super().make(shot(job, index), index, on_progress)

    def record(self, job: Job, index: int, ident: UUID, result: types.Picture, facts: dict[str, Any]) -> None:
        super().record(shot(job, index), index, ident, result, facts)


def shot(job: Job, index: int) -> Job:
    """The job as a request for this one picture: a picture's recipe repeats it alone."""
    one = copy(job)
    one.kind, one.prompt, one.shots = "image", job.shots[index], []
    return one
