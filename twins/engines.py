"""The engines that a twin's page offers for its next training, each with its price and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.engines import choice, offers
from billing.engines.choice import Card
from config.errors import DomainError
from config.runs.states import Status
from config.studio import get_base
from config.web.labels import engine_name
from ml.catalogue import BASES
from twins import renewals, terms
from twins.models import Twin
from twins.proof.companies import HERE_ONLY

GONE = gettext_lazy("No engine here makes pictures of it any more.")


@dataclass(frozen=True)
class Offer:
    """An engine for the next training of a twin. `refused` says why it cannot be had."""

    card: Card
    price: int
    lacks: bool  # more than the credits that are there
    proof: bool  # a live selfie comes first
    refused: str = ""


def offered(twin: Twin, *, available: int, verified: bool) -> list[Offer]:
    """Every engine that trains, also those that another plan has; first those that can be had."""
    found = [_offer(twin, card, available, verified) for card in choice.cards(twin.user, trains=True)]
    return sorted(found, key=lambda offer: bool(offer.refused) or not offer.card.included)


def _offer(twin: Twin, card: Card, available: int, verified: bool) -> Offer:
    price = terms.price_of_training(twin.user, twin, card.profile)
    other = twin.of_other and card.service is not None
    return Offer(
        card=card,
        price=price,
        lacks=price > available,
        proof=card.base.photorealistic and not verified,
        refused=str(HERE_ONLY) % {"company": card.service.company} if other and card.service else "",
    )


def usual(twin: Twin, found: Sequence[Offer], wanted: str = "") -> Offer | None:
    """The offer that is chosen at first: the wanted one, that of the version in use, or the usual one."""
    able = {offer.card.profile: offer for offer in found if offer.card.included and not offer.refused}
    version = twin.active_training
    for profile in (wanted, version.base if version else "", _default(twin.user)):
        if profile in able:
            return able[profile]
    return next(iter(able.values()), None)


def _default(user: Any) -> str:
    try:
        return offers.default(user, trains=True)
    except DomainError:
        return ""


def renewal(twin: Twin) -> dict[str, Any] | None:
    """What making a twin of an older base anew costs; None where there is nothing to offer."""
    if not renewals.is_offered(twin) or twin.active_training is None:
        return None
    base = twin.active_training.base
    return {"base": base, "price": terms.price_of_training(twin.user, twin, base)}


def made_by(training: dict[str, Any]) -> str:
    """Which engine trained a version, and which ones make its pictures; "" where there is only one."""
    if [training["base"]] == [base.name for base in offers.configured()]:
        return ""
    names = [str(engine_name(name)) for name in training["engines"]]
    said = [_("Trained by: %(engine)s.") % {"engine": engine_name(training["base"])}]
    if training["status"] == Status.SUCCEEDED:
        if get_base(training["base"]).recipe.checkpoints == 1:
            said.append(_("One checkpoint came back, so there was none to choose from."))
        said.append(_("Pictures by: %(engines)s.") % {"engines": ", ".join(names)} if names else str(GONE))
    return " ".join(said)


def query_of(profile: str) -> str:
    """Keeps the engine that was chosen for a training, on the way to the live selfie and back."""
    return f"?{urlencode({'engine': profile})}" if profile in BASES else ""
