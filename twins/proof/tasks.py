"""Checks selfies in a worker, and deletes their frames in time."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import shared_task
from django.db import connection, transaction

from accounts.vault.vault import store
from config.runs.worker import claimed
from config.studio import get_judge
from ml.types import SelfieVerdict
from twins import checks
from twins.models import SIGN, Photo
from twins.proof import frames, proving, validity
from twins.proof.models import Selfie
from twins.working import kept_only_if_wanted, lock_wanted, require_consent

# Another selfie that shares more than `least` different values of an array column with the given ones.
SHARED = """SELECT 1 FROM twins_selfie WHERE id <> %(id)s AND {column} && %(values)s::{kind}[] AND
 cardinality(ARRAY(SELECT unnest(%(values)s::{kind}[]) INTERSECT SELECT unnest({column}))) > %(least)s
 LIMIT 1"""
SAME_FRAMES = SHARED.format(column="frame_hashes", kind="varchar")
SAME_PRINTS = SHARED.format(column="prints", kind="bigint")
BLACK = 1  # so many equal files prove no replay: a camera that has not begun sends the same black picture


@shared_task(name=Selfie.task)
def check_selfie(ident: str) -> None:
    with claimed(Selfie, ident) as selfie:
        if selfie:
            _check(selfie)


def _check(selfie: Selfie) -> None:
    """Raises MLError, Lost."""
    require_consent(selfie.twin)
    photos = list(selfie.twin.photos.accepted())
    verdict = _verdict(selfie, photos)
    require_consent(selfie.twin)
    files = store(selfie.user_id)
    if verdict.accepted:
        files.write(selfie.face_file, verdict.face)
    discard = partial(files.delete, selfie.face_file)
    with kept_only_if_wanted(selfie, discard), transaction.atomic():
        lock_wanted(selfie.twin_id)
        selfie.finish(**_columns(verdict, photos))
        if verdict.accepted and not verdict.review:
            proving.make_proof(selfie)


def _verdict(selfie: Selfie, photos: list[Photo]) -> SelfieVerdict:
    """By the judge, unless the frames, or most of them, were in an earlier selfie."""
    if _is_shared(SAME_FRAMES, selfie, selfie.frame_hashes, BLACK):
        return SelfieVerdict(False, "selfie_replayed")
    verdict = get_judge().verify_selfie(frames.read(selfie), [checks.as_inspection(p) for p in photos])
    prints = signed(verdict)
    if verdict.accepted and _is_shared(SAME_PRINTS, selfie, prints, len(set(prints)) // 2):
        return SelfieVerdict(False, "selfie_replayed", prints=verdict.prints, measures=verdict.measures)
    return verdict


def _is_shared(statement: str, selfie: Selfie, values: list[Any], least: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": selfie.id, "values": values, "least": least})
        return cursor.fetchone() is not None


def signed(verdict: SelfieVerdict) -> list[int]:
    return [each - SIGN for each in verdict.prints]


def _matched(verdict: SelfieVerdict, photos: list[Photo]) -> list[Any]:
    pairs = zip(verdict.likeness, photos, strict=True) if verdict.accepted else ()
    return [photo.id for likeness, photo in pairs if validity.covers(likeness, photo)]


def _columns(verdict: SelfieVerdict, photos: list[Photo]) -> dict[str, Any]:
    return {
        "accepted": verdict.accepted,
        "code": verdict.code,
        "step": verdict.step,
        "review": verdict.review if verdict.accepted else "",
        "prints": signed(verdict),
        "matched": _matched(verdict, photos),
        "likeness": list(verdict.likeness),
        "measures": verdict.measures,
        "embedding": list(verdict.embedding) if verdict.accepted else None,
        "embedder": verdict.embedder,
    }
