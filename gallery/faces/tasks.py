"""Worker tasks: measuring a user's pictures, and the picture that a search is made with."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.db import transaction

from accounts import consents
from accounts.models import Kind
from accounts.vault.vault import store
from config.runs.states import Status
from config.runs.worker import claimed
from config.studio import get_judge
from gallery.faces import indexing
from gallery.faces.models import FaceQuery, Indexing
from ml.errors import MLError, PhotoRefused

BATCH = 20  # pictures: some ten seconds, then whoever else waits for the queue has a turn


@shared_task(name=Indexing.task)
def index_faces(ident: str) -> None:
    with claimed(Indexing, ident) as run:
        if run is None:
            return
        if not consents.has(run.user_id, Kind.FACE_SEARCH):
            raise MLError("consent_withdrawn", "")
        if indexing.index_some(run, get_judge(), most=BATCH):
            run.hand_back()
        else:
            run.finish()
    if run.status == Status.SUCCEEDED and indexing.is_waiting(run.user_id, get_judge().embedders):
        indexing.enqueue(run.user_id)  # saved while it ended


@shared_task(name="gallery.index_all_faces")
def index_all_faces() -> int:
    """Starts what `indexing.on_saved` did not hear of. Returns the number of users."""
    if not indexing.agreed().exists():
        return 0  # no model is loaded for nothing
    return indexing.enqueue_all(get_judge().embedders)


@shared_task(name=FaceQuery.task)
def measure_query(ident: str) -> None:
    with claimed(FaceQuery, ident) as query:
        if query:
            found = _sought(query)
            with transaction.atomic():
                indexing.require_consent(query.user_id)
                query.finish(**found)


def _sought(query: FaceQuery) -> dict[str, Any]:
    """The query's columns: its vectors, or why there are none."""
    data = store(query.user_id).read(query.file)
    try:
        vectors = get_judge().seek(data, indexing.answering(query.user_id))
    except PhotoRefused as refused:
        return {"code": refused.code}
    return {"vectors": {name: [float(n) for n in vector] for name, vector in vectors.items()}}
