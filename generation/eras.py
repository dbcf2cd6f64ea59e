"""The decade that pictures show. Only engines whose base knows its words offer it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from generation.models import Job
from ml.catalogue import Base
from ml.prompts import known_eras


class EraUnfit(DomainError):
    code, status = "era_unfit", 409
    message = _(
        "This engine does not know how that time looked. Nothing was charged. Choose another engine, or any"
        " time."
    )


def check(job: Job, base: Base) -> None:
    """Before anything is held. Raises EraUnfit."""
    if job.era and job.era not in known_eras(base):
        raise EraUnfit
