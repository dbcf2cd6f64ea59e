"""Which engines there are, and for whom. Pages, API, admin and commands offer exactly these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from billing import ledger
from billing.engines.models import EngineOffer
from config.errors import DomainError, Invalid
from config.studio import get_base
from config.web.labels import engine_name
from config.web.once import once
from ml.catalogue import Base, serves

NOT_OFFERED = _("This engine is not offered here. Choose another one.")
TRAINS_NONE = _("This engine makes pictures and trains no twins. Choose another one.")
NO_TRAINER = _("No engine here trains twins at the moment.")


class PlanRequired(DomainError):
    code, status = "plan_required", 403
    message = _("Your plan does not include this engine. Choose another engine, or change your plan.")


class EngineUnknown(Invalid):
    """The engine that a request names is not offered, or cannot do it."""

    def __init__(self, sentence: Any, *, field: str = "engine"):
        super().__init__(errors={field: [str(sentence)]})


class EngineGone(DomainError):
    code, status = "engine_gone", 409
    message = _(
        "This version of the twin was trained by an engine that is not offered here any more: %(engine)s."
        " Use another version, or train the twin again."
    )


def configured() -> list[Base]:
    """The engines of this installation, in the operator's order."""
    return [get_base(name) for name in settings.STUDIO_PROFILES]


def usable(user: Any) -> list[Base]:
    """The engines that this user's plan includes."""
    terms = _terms()
    if not terms:
        return configured()
    plan = _plan_of(user)
    return [base for base in configured() if _includes(terms.get(base.name), plan)]


def trainable(user: Any) -> list[Base]:
    return [base for base in usable(user) if base.trains]


def require(user: Any, profile: str, *, trains: bool = False) -> Base:
    """The engine, if this user may use it. Raises EngineUnknown, PlanRequired."""
    field = "base" if trains else "engine"
    base = next((base for base in configured() if base.name == profile), None)
    if base is None or not is_offered(profile):
        raise EngineUnknown(NOT_OFFERED, field=field)
    if trains and not base.trains:
        raise EngineUnknown(TRAINS_NONE, field=field)
    if base not in usable(user):
        raise PlanRequired
    return base


def require_of_version(user: Any, profile: str, *, message: Any = None) -> Base:
    """The engine of something that is there already. Raises EngineGone, PlanRequired."""
    if not is_offered(profile):
        raise EngineGone(message, engine=str(engine_name(profile)))
    return require(user, profile)


def is_offered(profile: str) -> bool:
    """Whether the installation has the engine, and its offer is not closed for everybody."""
    row = _terms().get(profile)
    return profile in settings.STUDIO_PROFILES and (row is None or row.offered)


def default(user: Any, *, trains: bool = False) -> str:
    """The engine of a request that names none. Raises EngineUnknown, PlanRequired."""
    able = [base.name for base in configured() if base.trains or not trains]
    own = {base.name for base in usable(user)}
    fit = [name for name in (settings.STUDIO_PROFILE, *able) if name in able and name in own]
    if fit:
        return fit[0]
    raise PlanRequired if able else EngineUnknown(NO_TRAINER, field="base")


def free_first(profile: str) -> bool:
    """Whether the free training of a twin slot may be used on this engine."""
    row = _terms().get(profile)
    free = row.free_first if row else None
    return not get_base(profile).service if free is None else free


def can_render(base: Base, trained_on: str) -> bool:
    """Whether this engine renders twins trained on a base here. A service reads a LoRA that it did not make
    at a public address of ours only, and with a model of its own for it."""
    if base.name == trained_on or not base.service:
        return serves(base, trained_on)
    remote = settings.REMOTES.get(base.service)
    return serves(base, trained_on) and settings.SECURE and bool(remote and remote.lora_model)


def serving(user: Any, training: Any) -> list[Base]:
    """The engines that make pictures of this version of a twin for its owner; none before it is trained."""
    return serving_among(usable(user), training)


def serving_among(bases: Sequence[Base], training: Any) -> list[Base]:
    """Those of `bases` that make pictures of this version. A twin of somebody else stays on our machines."""
    if not training.sha256:
        return []
    found = [base for base in bases if can_render(base, training.base)]
    return [base for base in found if not (base.service and training.twin.of_other)]


@once
def _plan_of(user: Any) -> str:
    return ledger.wallet_of(user).plan_id


@once
def _terms() -> dict[str, EngineOffer]:
    return {row.profile: row for row in EngineOffer.objects.prefetch_related("plans")}


def _includes(row: EngineOffer | None, plan: str) -> bool:
    """Whether an offer includes a plan."""
    if row is None:
        return True
    plans = {each.pk for each in row.plans.all()}
    return row.offered and (not plans or plan in plans)
