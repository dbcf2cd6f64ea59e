"""Twins that were trained before the base changed: they go on as they were, and may be made anew.

A training remembers a fingerprint of its base's weights (ml/fingerprint.py). Once for each twin and each
change of the base, making it anew is free, on engines that have a free first training.
"""

from __future__ import annotations

from billing.engines import offers
from config.runs.states import Status
from config.studio import get_base
from ml.catalogue import BASES
from ml.fingerprint import fingerprint
from twins.models import Training, Twin


def today(base: str) -> str:
    """The base's fingerprint here; "" where it is not known, and nothing is offered then."""
    return fingerprint(get_base(base)) if base in BASES else ""


def is_older(training: Training) -> bool:
    """Whether its base has changed since. One that remembers no base is older than this rule: its base may
    have changed where that is the one that ships with PhotoFlux."""
    if training.status != Status.SUCCEEDED or not (now := today(training.base)):
        return False
    return training.base_version != now if training.base_version else not BASES[training.base].photorealistic


def is_offered(twin: Twin) -> bool:
    """Whether the version in use is of an older base, and there is none of today's."""
    used = twin.active_training
    if used is None or twin.disabled_at or not offers.is_offered(used.base) or not is_older(used):
        return False
    return not twin.trainings.trained().filter(base=used.base, base_version=today(used.base)).exists()


def is_free(twin: Twin, base: str) -> bool:
    """Whether a training on this base would be the free one that makes the twin anew."""
    used = twin.active_training
    if used is None or used.base != base or not offers.free_first(base):
        return False
    return is_offered(twin) and twin.renewed_for != today(base)
