"""This app's part of a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from config.registry import Member
from generation.models import Job
from generation.presets.models import StudioPreset
from generation.sessions.models import Session

STAFF = ("retry_cause",)  # older rows name who of the staff ran them again


def jobs(user: Any) -> Iterator[Member]:
    found = Job.objects.owned_by(user).prefetch_related("outputs").iterator(chunk_size=500)
    told = (row(job, without=STAFF) | {"recipe": job.recipe, "outputs": rows_of(job)} for job in found)
    yield json_list(
        "generations.json", told, _("Every request for pictures: its words and settings, and how it ended.")
    )


def sessions(user: Any) -> Iterator[Member]:
    parts = ("jobs", "trainings", "items")
    told = (
        row(each) | {part: list(getattr(each, part).values_list("id", flat=True)) for part in parts}
        for each in Session.objects.owned_by(user)
    )
    yield json_list("sessions.json", told, _("Your sessions, and what is in them."))


def presets(user: Any) -> Iterator[Member]:
    told = map(row, StudioPreset.objects.owned_by(user))
    yield json_list("presets.json", told, _("The settings of the studio that you saved by name."))


def rows_of(job: Job) -> list[dict[str, Any]]:
    return [row(output) for output in job.outputs.all()]
