"""Who proves ages: the contract of a provider, and the built-in one, a document that staff look at.

`AGE_VERIFIER` names the class. A provider's adapter sends people to the provider's page and asks there for
the outcome; it hands over no photo, no prompt and no name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.vault.vault import store
from ml import media
from ml.errors import PhotoRefused
from moderation.adult.models import AgeCheck

LEAST_SIDE = 400  # px of a document's short side: less cannot be read


@dataclass(frozen=True)
class Outcome:
    """`adult`: 18 or older by the law of `country`, where the person lives. `reason`: of a refusal."""

    adult: bool
    country: str
    reason: str = ""


class Verifier(ABC):
    name: str
    takes_document: bool  # whether the user uploads one here

    @abstractmethod
    def begin(self, check: AgeCheck, document: bytes) -> str:
        """Begins the check, whose row is not saved yet, and may set `check.reference`. Returns the address of
        the provider's page, "" where there is none. Raises PhotoRefused, Unavailable."""

    @abstractmethod
    def outcome(self, check: AgeCheck) -> Outcome | None:
        """What is known now; None while it is open. Asked by a task, and when the user comes back."""


class DocumentReview(Verifier):
    """Staff look at a passport or an identity card. The file is cleaned, sealed, and deleted with the
    decision (moderation.adult.deciding)."""

    name, takes_document = "document", True

    def begin(self, check: AgeCheck, document: bytes) -> str:
        if not document:
            raise PhotoRefused("not_an_image", "")
        clean = media.clean(document, min_side=LEAST_SIDE).jpeg
        store(check.user_id).write(check.document, clean)
        return ""

    def outcome(self, check: AgeCheck) -> Outcome | None:
        return None  # staff decide


def get() -> Verifier:
    found: Any = import_string(settings.AGE_VERIFIER)
    verifier: Verifier = found()
    return verifier
