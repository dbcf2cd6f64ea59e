"""The events of an installation: who joined and which work ended, as numbers and codes.

An event is made of listed columns alone. None of them holds a face, words, a name, an address or an id of a
row. Its person is a random id of that day (models.Exported), so events of two days cannot be joined.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from accounts.models import User
from billing.runs import PaidRun, paid_kinds

Event = dict[str, Any]
Span = tuple[datetime, datetime]  # after the first, until the second
# $process_person_profile: no profile is kept of anybody. $ip: null, so that ours is not taken for theirs.
ANONYMOUS = {"$process_person_profile": False, "$geoip_disable": True, "$ip": None, "$lib": "photoflux"}
COLUMNS = ("engine", "error_code", "units", "price", "captured", "attempt")


def events(span: Span, salt: uuid.UUID) -> Iterator[Event]:
    """The events of a span of time that lies within one day, oldest first within each kind."""
    first, last = span
    for user, at in _rows(User, "date_joined", span).values_list("id", "date_joined"):
        yield _event("account created", user, user, at, salt, {})
    for kind in paid_kinds():
        for run in _rows(kind, "finished_at", span).filter(shown=True).iterator(chunk_size=500):
            yield _event("work ended", run.user_id, run.id, run.finished_at, salt, _facts(run))


def _rows(model: type[Any], column: str, span: Span) -> Any:
    return model._default_manager.filter(**{f"{column}__gt": span[0], f"{column}__lte": span[1]}).order_by(
        column
    )


def _facts(run: PaidRun) -> dict[str, Any]:
    assert run.finished_at
    waited = (run.started_at - run.created_at).total_seconds() if run.started_at else None
    worked = (run.finished_at - run.started_at).total_seconds() if run.started_at else None
    seconds = {"wait_seconds": waited, "run_seconds": worked}
    return {"kind": getattr(run, "kind", run.kind_name), "status": str(run.status), **seconds} | {
        name: getattr(run, name) for name in COLUMNS
    }


def _event(name: str, user: Any, row: Any, at: datetime, salt: uuid.UUID, facts: dict[str, Any]) -> Event:
    return {
        "event": name,
        "distinct_id": _sealed(salt, "person", user).hex,
        "properties": ANONYMOUS | facts,
        "timestamp": at.isoformat(),
        "uuid": str(_sealed(salt, name, row)),  # the same when it is sent again
    }


def _sealed(salt: uuid.UUID, what: str, ident: Any) -> uuid.UUID:
    digest = hmac.digest(salt.bytes, f"{what}:{ident}".encode(), hashlib.sha256)
    return uuid.UUID(bytes=digest[:16], version=4)
