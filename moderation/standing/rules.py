"""What gives strikes, how long they count, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

DAY = timedelta(days=1)
WINDOW = 7 * DAY  # in which refusals of one rule are counted
LIMIT = 3  # strikes that count at one time: each further one suspends again
STEPS = (7 * DAY, 30 * DAY, None)  # of the first, the second and each later suspension; None: for good


@dataclass(frozen=True)
class Rule:
    """`after`: so many refusals in WINDOW are one strike. `kept`: how long it counts."""

    what: Any
    after: int
    kept: timedelta


# Nothing is here for words that name somebody who is not known, which may be chance, for words about
# self-harm, whose writer needs help, and for results, which are the engine's.
RULES: dict[str, Rule] = {
    "minor": Rule(_("Words that put a child into something sexual"), 2, 365 * DAY),
    "listed_picture": Rule(_("Uploads of pictures that may not be here"), 2, 365 * DAY),
    "undress": Rule(_("Words that undress somebody"), 3, 180 * DAY),
    "known_person": Rule(_("Words that name well-known people"), 5, 90 * DAY),
    "sexual": Rule(_("Words for sexual content"), 5, 90 * DAY),
    "violence": Rule(_("Words for violence against people"), 5, 90 * DAY),
    "hate": Rule(_("Hateful words"), 3, 180 * DAY),
    "blocked": Rule(_("Words that are not allowed here"), 5, 90 * DAY),
    "removed": Rule(_("Something of yours that was taken down"), 1, 180 * DAY),
    "conduct": Rule(_("What you did to others or to the service"), 1, 180 * DAY),
}
