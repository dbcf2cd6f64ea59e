"""What a training costs, and what it needs beside photos: an engine, a plan, consents, a proof."""

from __future__ import annotations

from typing import Any

from billing import ledger, limits, prices
from billing.engines import offers
from config.studio import get_base
from config.web.labels import engine_name
from twins import renewals
from twins.models import Training, Twin
from twins.proof import companies, validity


def price_of_training(user: Any, twin: Twin | None, base: str = "") -> int:
    """Price in credits on a base, by default the user's usual one. The first training in a twin slot is free
    on engines that offer it; deleting a twin frees no slot. So is one that renews a twin of an older base.
    Raises EngineUnknown, PlanRequired."""
    base = base or offers.default(user, trains=True)
    free = is_free(user, twin, base) or (twin is not None and renewals.is_free(twin, base))
    return 0 if free else prices.training(get_base(base))


def is_free(user: Any, twin: Twin | None, base: str) -> bool:
    """Whether a training on this base would use the free training of a twin slot."""
    wallet = ledger.wallet_of(user)
    taken = twin is not None and (twin.had_free_training or twin.trainings.open().filter(free=True).exists())
    return limits.free_training_left(wallet) and not taken and offers.free_first(base)


def cancel_uses_free(twin: Twin) -> bool:
    """Whether the twin's free training is at work and counts as used when it is cancelled now."""
    begun = twin.trainings.open().filter(free=True, attempt__gt=0).exists()
    return begun and not limits.free_retries_left(ledger.wallet_of(twin.user))


def cancel_uses_renewal(twin: Twin) -> bool:
    """Whether the free renewal of the twin is at work: cancelled now, it counts as used."""
    return twin.trainings.open().filter(renews=True, attempt__gt=0).exists()


def may_train(training: Training, twin: Twin) -> None:
    """Checks engine, plan, consents and proof, for engines here and elsewhere alike. Raises EngineGone,
    EngineUnknown, PlanRequired, ConsentRequired, VerificationRequired."""
    if not training.retry_of:
        base = offers.require(twin.user, training.base, trains=True)
    elif offers.is_offered(training.base):  # staff repeat it whatever the plan is now
        base = get_base(training.base)
    else:
        raise offers.EngineGone(engine=str(engine_name(training.base)))
    companies.require(twin, base)
    if base.photorealistic:
        validity.require(twin)
