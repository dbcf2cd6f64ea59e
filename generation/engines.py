"""Which engine makes a job: the one asked for, else that of the twin's version, else the usual one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from billing.engines import offers
from billing.engines.offers import EngineGone, EngineUnknown
from config.studio import get_base
from config.web.labels import engine_name
from generation import references
from generation.models import Job
from ml.catalogue import Base
from ml.demonstration import BASE
from twins.models import Training
from twins.proof import companies

NOT_THIS_VERSION = _("This engine makes no pictures of this version of the twin. Use: %(engines)s.")
GONE = _(
    "These pictures were made by an engine that is not offered here any more: %(engine)s. Choose another."
)


def chosen(job: Job) -> Base:
    """The engine for a job whose training is set. Raises EngineUnknown, EngineGone, PlanRequired."""
    if own := getattr(job.job_kind, "profile", ""):  # a kind that one engine makes, whatever was asked for
        return get_base(own)
    if job.demonstration:
        return offers.require(job.user, BASE)
    version = job.training
    if version is not None and not job.engine:
        return offers.require_of_version(job.user, version.base)
    if not job.engine:
        return offers.require(job.user, references.usual_engine(job))
    base = _offered(job)
    if version is not None and not offers.can_render(base, version.base):
        names = [str(engine_name(each.name)) for each in offers.serving(job.user, version)]
        if not names:
            raise EngineGone(engine=str(engine_name(version.base)))
        raise EngineUnknown(NOT_THIS_VERSION % {"engines": ", ".join(names)})
    return base


def _offered(job: Job) -> Base:
    """The engine that a job names, which a repeated job takes from the first one."""
    if job.repeats is not None and not offers.is_offered(job.engine):
        raise EngineGone(GONE, engine=str(engine_name(job.engine)))
    return offers.require(job.user, job.engine)


def kept(base: Base, version: Training | None) -> str:
    """The engine of a job that is repeated with this version of a twin; "" when it does not render it."""
    return base.name if version is None or offers.can_render(base, version.base) else ""


def still_there(job: Job) -> None:
    """For a job that staff run again, whatever the plan is now. Raises EngineGone, ConsentRequired."""
    if not offers.is_offered(job.base.name):
        raise EngineGone(GONE, engine=str(engine_name(job.base.name)))
    if job.twin is not None:
        companies.require(job.twin, job.base)
