"""The faces most like one face, among a user's own.

Up to EXACT of the user's vectors are compared one by one. More are searched by their embedder's HNSW index,
which looks further (`hnsw.iterative_scan`) until enough of this user's are found. `python -m
bench.face_search` measures both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Cast
from pgvector.django import HalfVectorField, L2Distance

from gallery.faces.indexing import answering
from gallery.faces.models import WIDTHS, Face, FaceVector
from gallery.faces.refusals import FaceUnclear
from ml.nets.scales import SCALES

EXACT = 10_000  # vectors
MOST = 100  # results
# Candidates that the index keeps while it searches: recall grows with them, and time.
EF_SEARCH = 120
SPARE = 10  # more faces are read, as one of each picture is shown, and none of the sought one's
SESSION = (
    "SET LOCAL hnsw.iterative_scan = relaxed_order",
    f"SET LOCAL hnsw.ef_search = {EF_SEARCH}",
    "SET LOCAL enable_sort = off",  # the planner would sort a large user's vectors one by one
)


@dataclass(frozen=True)
class Filters:
    """Narrow a search; `since` and `until` are when the picture was made, `until` excluded."""

    since: datetime | None = None
    until: datetime | None = None
    tag: str = ""
    place: str = ""
    kind: str = ""

    def of(self, vectors: Any) -> Any:
        named = {
            "face__made_at__gte": self.since,
            "face__made_at__lt": self.until,
            "face__kind": self.kind,
            "face__item__tags__contains": [self.tag.lower()] if self.tag else None,
            "face__item__place__iexact": self.place,
        }
        return vectors.filter(**{name: value for name, value in named.items() if value})


ALL = Filters()


@dataclass(frozen=True)
class Hit:
    """A face with the probability that it shows the sought person, when that is as likely as not before."""

    face: Face
    score: float


@dataclass(frozen=True)
class Sought:
    """What is searched with: a face's vectors by embedder. `picture`: the id of the one that it is in, which
    is not found again."""

    vectors: Mapping[str, Sequence[float]]
    picture: Any = None


def of_face(face: Face) -> Sought:
    """Raises FaceUnclear."""
    vectors = dict(face.vectors.values_list("embedder", "embedding"))
    if not vectors:
        raise FaceUnclear
    return Sought(vectors, face.picture_id)


def most_like(user: Any, sought: Sought, filters: Filters = ALL, *, limit: int = 10) -> list[Hit]:
    """The faces most like the sought one, the likest first, at most one of each picture."""
    embedder = _embedder(user, sought.vectors)
    found = nearest(user, embedder, sought.vectors[embedder], filters, limit=limit + SPARE)
    faces = Face.objects.shown().in_bulk([face for face, _distance in found])
    hits: dict[Any, Hit] = {}
    for ident, distance in found:
        face = faces.get(ident)
        if face and face.picture_id != sought.picture:
            hits.setdefault(face.picture_id, Hit(face, score(embedder, distance)))
    return list(hits.values())[:limit]


def own_vectors(user: Any, embedder: str, filters: Filters) -> Any:
    return filters.of(FaceVector.objects.filter(user=user, embedder=embedder))


def score(embedder: str, distance: float) -> float:
    """0 for an embedder that is not known here any more."""
    return round(SCALES[embedder].probability(distance), 4) if embedder in SCALES else 0.0


def _embedder(user: Any, vectors: Mapping[str, Sequence[float]]) -> str:
    """The one that answers the user's searches; before that is known, any of the face's."""
    return next((name for name in answering(user) if name in vectors), next(iter(vectors)))


def nearest(
    user: Any, embedder: str, vector: Sequence[float], filters: Filters, *, limit: int
) -> list[tuple[Any, float]]:
    """(id of the face, distance) of the user's nearest vectors of this embedder."""
    own = own_vectors(user, embedder, filters)
    if embedder not in WIDTHS or _are_few(user, embedder, filters):
        return _first(own.annotate(distance=L2Distance("embedding", vector)), limit)
    cast = Cast("embedding", HalfVectorField(dimensions=WIDTHS[embedder]))  # as the index has it
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(";".join(SESSION))
        found = _first(own.annotate(distance=L2Distance(cast, vector)), limit)
    return sorted(found, key=lambda row: row[1])  # an iterative scan is nearly in order


def _are_few(user: Any, embedder: str, filters: Filters) -> bool:
    """The user's vectors are counted first, as that reads an index alone; then those that pass."""
    return any(
        own_vectors(user, embedder, narrow)[: EXACT + 1].count() <= EXACT
        for narrow in ([ALL] if filters == ALL else [ALL, filters])
    )


def _first(rows: Any, limit: int) -> list[tuple[Any, float]]:
    return list(rows.order_by(F("distance")).values_list("face", "distance")[:limit])
