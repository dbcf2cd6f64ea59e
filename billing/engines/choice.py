"""Engines as pages offer them: what each makes, where the work goes, and the consent that a company needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.consents import COUNTRIES, WORDING, ConsentRequired
from billing.engines import offers
from config.web.labels import engine_name
from ml.catalogue import SERVICES, Base, Service

DRAWN = _("Its pictures are soft, and nobody takes them for photographs.")
PHOTOGRAPHIC = _("Its pictures look like photographs.")
HERE = _("It runs here. Nothing is sent to another company.")
# What goes to a company, by service, of a training and of pictures.
PHOTOS_GO = {
    "fal": _(
        "Your photos go to %(company)s, %(country)s, as one archive under random names. It lies there for an"
        " hour at most, and within a day nothing of it is left."
    )
}
MODEL_GOES = {
    "fal": _(
        "Your words and the model of your twin go to %(company)s, %(country)s, for a clip also the picture"
        " that it begins from. They lie there for an hour at most, and within a day nothing of it is left."
    ),
    "together": _(
        "Your words go to %(company)s, %(country)s, and an address at which it can read the model of your"
        " twin for an hour at most."
    ),
}
WORDS_GO = _("Your words go to %(company)s, %(country)s, and nothing else.")
NOT_TICKED = _("Read what is sent to %(company)s, and tick the box first.")


@dataclass(frozen=True)
class Card:
    """One engine to choose. `consent` is the company's consent while it is not given: kind, version, wording.
    `included` says whether the user's plan has it."""

    base: Base
    name: Any
    about: Any
    service: Service | None
    consent: dict[str, Any] | None
    included: bool = True

    @property
    def profile(self) -> str:
        return self.base.name

    @property
    def photos_go(self) -> str:
        """Where a training sends the photos."""
        return str(HERE) if self.service is None else PHOTOS_GO[self.service.name] % _facts(self.service)

    @property
    def model_goes(self) -> str:
        """Where pictures of a twin send the words and the twin."""
        return str(HERE) if self.service is None else MODEL_GOES[self.service.name] % _facts(self.service)

    @property
    def words_go(self) -> str:
        """Where pictures of nobody in particular send the words."""
        return str(HERE) if self.service is None else WORDS_GO % _facts(self.service)


def _facts(service: Service) -> dict[str, Any]:
    return {"company": service.company, "country": COUNTRIES[service.country]}


def cards(user: Any, *, trains: bool = False) -> list[Card]:
    """The engines that are offered here, first those that the user's plan includes."""
    able = [base for base in offers.configured() if offers.is_offered(base.name)]
    mine = {base.name for base in offers.usable(user)}
    missing = {each["kind"]: each for each in consents.current(user) if not each["given"]}
    shown = [base for base in able if base.trains or not trains]
    return sorted((_card(base, mine, missing) for base in shown), key=lambda card: not card.included)


def _card(base: Base, mine: set[str], missing: dict[str, dict[str, Any]]) -> Card:
    return Card(
        base=base,
        name=engine_name(base.name),
        about=PHOTOGRAPHIC if base.photorealistic else DRAWN,
        service=SERVICES.get(base.service),
        consent=missing.get(consents.kind_of(base.service)) if base.service else None,
        included=base.name in mine,
    )


def agree(user: Any, base: Base, form: Mapping[str, Any]) -> None:
    """Gives the consent to the company that runs an engine, by the form's box for it.

    Raises ConsentRequired when the box is not ticked, or stood beside an older wording.
    """
    if not base.service or consents.has(user.id, kind := consents.kind_of(base.service)):
        return
    version = WORDING[kind][0]
    if not form.get(f"agreed_{kind}") or form.get(f"version_{kind}") != version:
        raise ConsentRequired(NOT_TICKED, company=SERVICES[base.service].company, extra={"kind": kind})
    consents.give(user, kind=kind, version=version)
