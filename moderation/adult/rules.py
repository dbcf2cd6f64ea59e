"""When adult content is allowed: one rule, which no setting goes around.

What is never allowed is refused by the words and by the pictures all the same (moderation.policy): minors,
other people, known people, undressing somebody, violence.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError


class AdultOff(DomainError):
    code, status = "adult_off", 403
    message = _("Adult content is not made here. Nothing was charged.")


class NotAdult(DomainError):
    code, status = "not_adult", 403
    message = _(
        "Adult content needs a proof that you are 18 or older. Nothing was charged. Begin on the page"
        " “Adult content” of your account."
    )


class AdultCountry(DomainError):
    code, status = "adult_country", 403
    message = _("Adult content is not made for people who live in your country. Nothing was charged.")


class AdultOwnTwin(DomainError):
    code, status = "adult_own_twin", 403
    message = _(
        "Adult content shows you alone: choose a twin of your own face whose live selfie was accepted."
        " Nothing was charged."
    )


class AdultNotHere(DomainError):
    code, status = "adult_not_here", 409
    message = _(
        "Adult content is made on our own machines alone, from words alone. Nothing was charged. Choose an"
        " engine that works here, and no picture to begin from."
    )


REFUSALS = (AdultOff, NotAdult, AdultCountry, AdultOwnTwin, AdultNotHere)


@dataclass(frozen=True)
class Facts:
    """All must be true. `own` is a twin of the user's own face, `proven` that its live selfie stands."""

    switch: bool  # of the operator
    adult: bool  # a proof of age that stands
    country: bool  # allowed by the operator
    own: bool
    proven: bool
    here: bool  # on a machine of ours, and from words alone


def require(facts: Facts) -> None:
    """Raises the first of REFUSALS that applies."""
    for holds, refusal in (
        (facts.switch, AdultOff),
        (facts.adult, NotAdult),
        (facts.country, AdultCountry),
        (facts.own and facts.proven, AdultOwnTwin),
        (facts.here, AdultNotHere),
    ):
        if not holds:
            raise refusal


def allows(facts: Facts) -> bool:
    try:
        require(facts)
    except DomainError:
        return False
    return True
