"""A search with an uploaded picture. The web process has no nets, so a worker measures the picture, and the
request waits for it. Nothing of the picture is kept."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import consents
from accounts.models import Kind
from accounts.vault.vault import store
from config.errors import FileTooLarge, Unavailable
from config.runs.states import OPEN, Status
from gallery.faces import pictures
from gallery.faces.models import FaceQuery
from gallery.faces.refusals import NoPictures, refusal
from gallery.faces.search import ALL, Filters, Hit, Sought, most_like

PATIENCE = 20.0  # seconds that a request waits for a worker
LOOK = 0.05  # seconds between two looks


def find_by_picture(user: Any, data: bytes, filters: Filters = ALL, *, limit: int = 10) -> list[Hit]:
    """Raises ConsentRequired, NoPictures, FileTooLarge, StorageFull, Unavailable, and refusals.OF_PICTURE."""
    require_searchable(user)
    if len(data) > settings.MAX_UPLOAD:
        raise FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    query = FaceQuery(user=user, shown=False)
    try:
        _ask(query, data)
        _wait(query)
    finally:
        _remove(query)
    if query.code:
        raise refusal(query.code)
    if query.status != Status.SUCCEEDED:
        raise Unavailable
    return most_like(user, Sought(query.vectors), filters, limit=limit)


def require_searchable(user: Any) -> None:
    """Raises ConsentRequired, NoPictures."""
    consents.require(user, Kind.FACE_SEARCH)
    if not pictures.has_any(user):
        raise NoPictures


def _ask(query: FaceQuery, data: bytes) -> None:
    store(query.user_id).write(query.file, data)
    with transaction.atomic():
        query.enqueue()


def _wait(query: FaceQuery) -> None:
    """Until the run has ended, or the patience has."""
    until = time.monotonic() + PATIENCE
    while query.status in OPEN and time.monotonic() < until:
        time.sleep(LOOK)
        query.refresh_from_db(fields=["status", "code", "vectors"])


def _remove(query: FaceQuery) -> None:
    """A worker that still has it keeps nothing: its row is gone."""
    FaceQuery.objects.filter(id=query.id).delete()
    store(query.user_id).delete(query.file)
