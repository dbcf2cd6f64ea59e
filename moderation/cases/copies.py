"""Near copies of a case's picture, among the pictures of every user.

PDQ finds what may be a copy; the pixels decide (ml.overlay). Where they do not agree, or cannot be read, a
person must look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from config import registry
from config.errors import NotFound
from ml import media, overlay, pdq
from moderation.cases.models import Case, Match

MOST = 1000  # copies that are compared for one case


def picture_of(case: Case) -> np.ndarray | None:
    """What the case is about, as pixels; None for a text, for several pictures, or for what is gone."""
    subject = registry.subjects.get(case.subject_kind)
    if subject is None or subject.several:
        return None
    return picture(case.subject_kind, case.subject_id)


def match(case: Case, shown: np.ndarray) -> None:
    """Keeps the near copies of this picture with the case. A second call adds what came since."""
    before = set(case.matches.values_list("subject_kind", "subject_id"))
    before.add((case.subject_kind, case.subject_id))
    found = [(kind, ident) for kind, ident in near(pdq.forms(shown)) if (kind, ident) not in before]
    rows = [_compared(case, shown, kind, ident) for kind, ident in found[:MOST]]
    Match.objects.bulk_create(rows, ignore_conflicts=True)


def near(forms: list[pdq.Form]) -> Iterator[tuple[str, str]]:
    """(kind, id) of every subject that PDQ calls the same, each once."""
    asked = [bits for form in forms for bits in (form.bits, form.mirrored)]
    subjects = registry.subjects.items()
    found = ((kind, ident) for bits in asked for kind, each in subjects for ident in each.find_near(bits))
    yield from dict.fromkeys(found)


def _compared(case: Case, shown: np.ndarray, kind: str, ident: str) -> Match:
    other = picture(kind, ident)
    agreement = None if other is None else overlay.agreement(shown, other)
    return Match(
        case=case, subject_kind=kind, subject_id=ident, state=state_of(agreement), agreement=agreement
    )


def state_of(agreement: float | None) -> str:
    same = agreement is not None and agreement >= overlay.COPY
    return Match.State.SAME if same else Match.State.LOOK


def picture(kind: str, ident: str) -> np.ndarray | None:
    """The pixels of a subject's preview; None where it is gone, or is a text."""
    subject: Any = registry.subjects.get(kind)
    try:
        return media.to_array(subject.preview(ident)) if subject else None
    except (NotFound, OSError, ValueError):
        return None
