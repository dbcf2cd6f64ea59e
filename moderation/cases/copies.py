"""Near copies of a case's picture, among the pictures of every user.

PDQ finds what may be a copy, by the whole picture, its middles and the faces in it; the pixels decide
(ml.overlay). Where they do not agree, or cannot be read, a person must look.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from django.db import transaction

from config import registry
from config.errors import NotFound
from ml import media, overlay, pdq
from moderation.cases.models import Case, Match
from moderation.hashes.models import by_index

MOST = 1000  # copies that are compared for one case


def picture_of(case: Case) -> np.ndarray | None:
    """What the case is about, as pixels; None for a text, for several pictures, or for what is gone."""
    subject = registry.subjects.get(case.subject_kind)
    if subject is None or subject.several:
        return None
    return picture(case.subject_kind, case.subject_id)


@transaction.atomic
def find(case: Case) -> None:
    """Looks for the copies of what the case is about, if it is a picture. All or nothing: a worker that dies
    leaves the case to be looked for again."""
    Case.objects.filter(id=case.id).update(matched=True)
    shown = picture_of(case)
    if shown is not None:
        match(case, shown)


def match(case: Case, shown: np.ndarray) -> None:
    """Keeps the near copies of this picture with the case. A second call adds what came since."""
    subject = (case.subject_kind, case.subject_id)
    before = {subject, *case.matches.values_list("subject_kind", "subject_id")}
    whole = [bits for form in pdq.forms(shown) for bits in (form.bits, form.mirrored)]
    rows = _new(case, shown, [*whole, *_faces(*subject)], before)
    # A picture that was sent is not an item with known faces; a copy of it here is.
    same = {bits for row in rows if row.state == Match.State.SAME for bits in _faces_of(row)}
    rows += _new(case, shown, sorted(same), before)
    Match.objects.bulk_create(rows[:MOST], ignore_conflicts=True)


def _new(case: Case, shown: np.ndarray, hashes: list[int], before: set[tuple[str, str]]) -> list[Match]:
    """What is near these hashes and not in `before`, which it is added to."""
    found = [each for each in near(hashes) if each not in before][:MOST]
    before.update(found)
    return [_compared(case, shown, kind, ident) for kind, ident in found]


def _faces_of(row: Match) -> list[int]:
    return _faces(row.subject_kind, row.subject_id)


def _faces(kind: str, ident: str) -> list[int]:
    subject = registry.subjects.get(kind)
    try:
        return subject.faces(ident) if subject else []
    except NotFound:
        return []


def near(asked: list[int]) -> list[tuple[str, str]]:
    """(kind, id) of every subject that PDQ calls the same, each once."""
    subjects = registry.subjects.items()
    with by_index():
        found = ((kind, ident) for bits in asked for kind, each in subjects for ident in each.find_near(bits))
        return list(dict.fromkeys(found))


def _compared(case: Case, shown: np.ndarray, kind: str, ident: str) -> Match:
    other = picture(kind, ident)
    agreement = None if other is None else overlay.agreement(shown, other)
    facts = {"subject_kind": kind, "subject_id": ident, "state": state_of(agreement), "agreement": agreement}
    return Match(case=case, owner_id=_owner(kind, ident), **facts)


def _owner(kind: str, ident: str) -> Any:
    try:
        return registry.subjects[kind].owner(ident)
    except NotFound:  # deleted meanwhile
        return None


def state_of(agreement: float | None) -> str:
    same = agreement is not None and agreement >= overlay.COPY
    return Match.State.SAME if same else Match.State.LOOK


def hashes(kind: str, ident: str) -> list[int]:
    """Of a subject's picture and its middles: those that are kept with it. To make them anew would let staff
    wait for the next case."""
    with suppress(NotFound):
        if kept := registry.subjects[kind].prints(ident):
            return kept
    shown = picture(kind, ident)
    return [] if shown is None else [form.bits for form in pdq.forms(shown)]


def picture(kind: str, ident: str) -> np.ndarray | None:
    """The pixels of a subject's preview; None where it is gone, or is a text."""
    subject: Any = registry.subjects.get(kind)
    try:
        return media.to_array(subject.preview(ident)) if subject else None
    except (NotFound, OSError, ValueError):
        return None
