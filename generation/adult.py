"""Whether a job may ask for adult content (moderation.adult.rules), and whether a result may be delivered."""

from __future__ import annotations

from typing import Any

from config.studio import service_of
from generation.models import Job
from ml.catalogue import Base
from moderation.adult import rules, services
from twins.models import Twin
from twins.proof import subjects
from twins.proof.validity import live_proof

SAFETY = 1.0  # of every such picture: what is not safe is never shared, published or begun from


def facts_of(job: Job, base: Base | None = None) -> rules.Facts:
    twin = job.twin
    return rules.Facts(
        switch=services.is_on(),
        adult=services.is_adult(job.user),
        country=services.is_allowed_country(job.user_id),
        own=twin is not None and not twin.of_other and subjects.has_consent(twin),
        proven=twin is not None and live_proof(twin) is not None,
        here=not service_of(base.name if base else job.engine) and not job.reference,
    )


def check(job: Job, base: Base | None = None) -> None:
    """Before anything is held. Raises moderation.adult.rules.REFUSALS."""
    if job.adult:
        rules.require(facts_of(job, base))


def still_allowed(job: Job) -> bool:
    """Asked before each result is made and delivered: the switch, the proof or the twin may have ended."""
    return not job.adult or rules.allows(facts_of(job))


def is_offered(user: Any) -> bool:
    """Whether the studio shows the choice."""
    if not (services.is_on() and services.is_adult(user) and services.is_allowed_country(user.pk)):
        return False
    return any(live_proof(twin) for twin in Twin.objects.owned_by(user).filter(of_other=False))
