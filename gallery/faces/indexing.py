"""Finds the faces in a user's pictures and keeps their vectors, and deletes all of it with the consent.

`judge` is ml's Judge (config/studio.py opens it), and what it found are its `Described` faces.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import consents
from accounts.models import Consent, Kind
from accounts.vault.sealing import Tampered
from accounts.vault.vault import store
from config.runs.states import OPEN, Status
from gallery.faces.models import Face, FaceIndex, FaceQuery, FaceVector, Indexing, Measured, Naming, Person
from gallery.faces.pictures import (
    LATE,
    Picture,
    faces_of,
    file_of,
    has_any,
    key_of,
    kind_of,
    link,
    still_there,
    unmeasured,
)
from ml import media, types
from ml.errors import MLError, Stopped
from ml.nets.scales import is_drawn

log = logging.getLogger(__name__)

PAUSE = timedelta(minutes=10)  # after an indexing that failed


# ---------------------------------------------------------------- asking for it


def ask(user: Any) -> None:
    """Has the user's new pictures measured, if they agreed to it. Called when a consent is given."""
    if consents.has(user.pk, Kind.FACE_SEARCH) and has_any(user):
        enqueue(user.pk)


def on_saved(instance: Any, created: bool, update_fields: Any = None, **_more: Any) -> None:
    """Has an item measured that is new, or comes back from the locked area or from moderation. A receiver of
    post_save."""
    back = not {"locked", "hidden"}.isdisjoint(update_fields or ())
    shown = (created or back) and not (instance.locked or instance.hidden)
    if shown and consents.has(instance.user_id, Kind.FACE_SEARCH):
        transaction.on_commit(lambda: enqueue(instance.user_id), robust=True)


def enqueue(user_id: Any) -> None:
    """Starts an indexing, unless one of this user is open: it sees what was committed before it ends."""
    Indexing.objects.filter(user=user_id).exclude(status__in=OPEN).delete()
    try:
        with transaction.atomic():
            Indexing(user_id=user_id, shown=False).enqueue()
    except IntegrityError:
        log.debug("an indexing of %s is open", user_id)


def agreed() -> Any:
    """The ids of the users who agreed to the search."""
    version = consents.WORDING[Kind.FACE_SEARCH][0]
    given = Consent.objects.filter(kind=Kind.FACE_SEARCH, version=version, withdrawn_at=None)
    return given.values_list("user", flat=True)


def enqueue_all(embedders: Sequence[str]) -> int:
    """Starts an indexing for each user with pictures that wait: those that `on_saved` did not hear of, and
    all of them when another embedder is installed. Returns how many."""
    failed = Q(status=Status.FAILED, finished_at__gt=timezone.now() - PAUSE)
    busy = set(Indexing.objects.filter(Q(status__in=OPEN) | failed).values_list("user", flat=True))
    found = [user for user in agreed() if user not in busy and is_waiting(user, embedders)]
    for user in found:
        enqueue(user)
    return len(found)


def is_waiting(user_id: Any, embedders: Sequence[str]) -> bool:
    now, index = timezone.now(), FaceIndex.objects.filter(user=user_id).first()
    current = index is not None and index.embedders == key_of(embedders)
    since = index.checked_at if index and current else None
    if unmeasured(user_id, embedders, most=1, since=since):
        return True
    if since is None or now - since > LATE:
        _settle(user_id, embedders, now)
    return False


# ---------------------------------------------------------------- doing it


def index_some(run: Indexing, judge: Any, *, most: int) -> bool:
    """Measures at most `most` pictures; whether more are left. Raises MLError, Stopped, Lost."""
    began = timezone.now()
    older = [name for name in answering(run.user_id) if name not in judge.embedders]
    todo = unmeasured(run.user_id, judge.embedders, most=most)
    for number, picture in enumerate(todo):
        if run.progress("measuring", number / len(todo)):
            raise Stopped
        measure(picture, judge, older)
    if len(todo) == most:
        return True
    _settle(run.user_id, judge.embedders, began)
    return False


def answering(user_id: Any) -> list[str]:
    """The embedders whose vectors answer the user's searches; none before the first indexing has ended."""
    index = FaceIndex.objects.filter(user=user_id).first()
    return index.embedders.split() if index else []


def _settle(user_id: Any, embedders: Sequence[str], at: datetime) -> None:
    """All pictures are measured by these embedders: they answer from now on, and vectors of others go."""
    with transaction.atomic():
        now = {"embedders": key_of(embedders), "checked_at": at}
        FaceIndex.objects.update_or_create(user_id=user_id, defaults=now)
        FaceVector.objects.filter(user=user_id).exclude(embedder__in=embedders).delete()


def measure(picture: Picture, judge: Any, older: Sequence[str] = ()) -> None:
    """Finds and keeps the faces in one picture, with vectors by the embedders in use, and by `older` ones
    while these still answer. Raises MLError `consent_withdrawn`."""
    known, data = list(faces_of(picture)), _bytes_of(picture)
    found = _looked(judge, data, known)
    vectors = [_vectors(judge, data, one, older) for one in found]
    with transaction.atomic():
        require_consent(picture.user_id)
        if not still_there(picture).select_for_update(of=("self",)).exists():
            return  # deleted or locked meanwhile
        faces = known or Face.objects.bulk_create(_rows(picture, data, found))
        _keep(faces[: len(found)], vectors)
        names = {"embedders": key_of(judge.embedders)}
        Measured.objects.update_or_create(**link(picture), defaults=names)


def _bytes_of(picture: Picture) -> bytes:
    """b"" when the file is gone or damaged."""
    try:
        return store(picture.user_id).read(file_of(picture))
    except (FileNotFoundError, Tampered):
        return b""


def _looked(judge: Any, data: bytes, known: Sequence[Face]) -> list[Any]:
    """The faces in a picture; none in one that cannot be read, which is not tried again."""
    try:
        return judge.embed(data, [_as_seen(face, data) for face in known]) if known else judge.embed(data)
    except OSError:
        log.warning("a picture cannot be read")
        return []


def _vectors(judge: Any, data: bytes, one: Any, older: Sequence[str]) -> dict[str, list[float]]:
    """By embedder: of the one in use that suits the face, and of older ones of the same kind."""
    if not one.quality:
        return {}
    found = {one.embedder: one.vector}
    for name in older:
        vector = judge.vector(data, one.face, name) if is_drawn(name) == is_drawn(one.embedder) else None
        if vector is not None:
            found[name] = vector
    return {name: [float(n) for n in vector] for name, vector in found.items()}


def _keep(faces: Sequence[Face], vectors: Sequence[dict[str, list[float]]]) -> None:
    rows = [
        FaceVector(face=face, user_id=face.user_id, embedder=name, embedding=vector)
        for face, found in zip(faces, vectors, strict=True)
        for name, vector in found.items()
    ]
    FaceVector.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["face", "embedder"], update_fields=["embedding"]
    )


def require_consent(user_id: Any) -> None:
    """Locks the consent until the transaction ends, so that a withdrawal deletes what is written in it.
    Raises MLError `consent_withdrawn`."""
    version = consents.WORDING[Kind.FACE_SEARCH][0]
    given = Consent.objects.filter(user=user_id, kind=Kind.FACE_SEARCH, version=version, withdrawn_at=None)
    if not given.select_for_update(of=("self",)).exists():
        raise MLError("consent_withdrawn", "")


def _rows(picture: Picture, data: bytes, found: Sequence[Any]) -> list[Face]:
    if not found:
        return []
    width, height = media.size_of(data)
    return [
        Face(
            **link(picture),
            number=number,
            box=[min(max(n / side, 0.0), 1.0) for n, side in zip(one.face.box, (width, height) * 2)],
            points=[n / side for point in one.face.points for n, side in zip(point, (width, height))],
            score=one.face.score,
            quality=one.quality,
            kind=kind_of(picture),
            made_at=picture.created_at,
        )
        for number, one in enumerate(found)
    ]


def _as_seen(face: Face, data: bytes) -> types.Face:
    """A known face, in pixels of the picture."""
    sides = media.size_of(data) * 2
    x1, y1, x2, y2 = (share * side for share, side in zip(face.box, sides))
    flat = [share * side for share, side in zip(face.points, sides * 3)]
    return types.Face((x1, y1, x2, y2), face.score, tuple(zip(flat[::2], flat[1::2])))


# ---------------------------------------------------------------- deleting it


def leave_out(items: Sequence[Any]) -> None:
    """Deletes what was measured in pictures that go out of sight."""
    for model in (Face, Measured):
        model._base_manager.filter(item__in=items).delete()


def forget(user: Any) -> None:
    """Deletes all that the search measured of a user's faces, with the names that they gave. The consent is
    withdrawn in the same transaction, and a worker keeps nothing after it."""
    for kind in (Indexing, FaceQuery):
        for run in kind.objects.filter(user=user).open():
            run.stop()
        kind.objects.filter(user=user).delete()
    for model in (FaceVector, Naming, Face, Measured, Person, FaceIndex):
        model._base_manager.filter(user=user).delete()
