"""Keyset pagination: a cursor holds the last row's values, so page 2,000 is as fast as page 2."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.errors import Invalid

DEFAULT, MOST = 30, 100


def page(
    request: Any, rows: Any, show: Any, order: tuple[str, ...] = ("-created_at", "-id")
) -> dict[str, Any]:
    """{"next", "previous", "results"} of a queryset, sorted by `order`, whose last field is unique.

    Raises Invalid unless `limit` is a number from 1 to MOST, and for a cursor that cannot be read.
    """
    limit, cursor = _limit(request), _read(request.GET.get("cursor", ""))
    back = bool(cursor and cursor["back"])
    wanted = _reversed(order) if back else order
    if cursor:
        rows = _after(rows, wanted, cursor["at"])
    try:
        found = list(rows.order_by(*wanted)[: limit + 1])
    except (ValueError, OverflowError, ValidationError, DataError):  # a cursor with values of another type
        raise _no_cursor() from None
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    before, after = (bool(cursor) and (more if back else True)), (more if not back else True)
    return {
        "next": _link(request, found[-1], order, back=False) if found and after else None,
        "previous": _link(request, found[0], order, back=True) if found and before else None,
        "results": [show(row) for row in found],
    }


def _limit(request: Any) -> int:
    value = request.GET.get("limit", str(DEFAULT))
    if not re.fullmatch(r"[1-9][0-9]{0,2}", value) or int(value) > MOST:
        raise Invalid(errors={"limit": [str(_("A whole number from 1 to 100."))]})
    return int(value)


def _no_cursor() -> Invalid:
    return Invalid(errors={"cursor": [str(_("This cursor is none of ours. Start again without one."))]})


def _read(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        back, *at = json.loads(base64.urlsafe_b64decode(text + "=="))
        if not at or not all(isinstance(v, (str, int, float)) or v is None for v in at):
            raise ValueError
        return {"back": bool(back), "at": at}
    except (ValueError, TypeError, RecursionError):
        raise _no_cursor() from None


def _reversed(order: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f[1:] if f.startswith("-") else f"-{f}" for f in order)


def _after(rows: Any, order: tuple[str, ...], at: list[Any]) -> Any:
    """Rows beyond `at`: (a < x) or (a = x and b < y). The extra a <= x lets PostgreSQL seek in the index."""
    if len(at) != len(order):
        raise _no_cursor()
    names = [f.lstrip("-") for f in order]
    sides = ["lt" if f.startswith("-") else "gt" for f in order]
    beyond = Q()
    for i in range(len(order)):
        same = {names[k]: at[k] for k in range(i)}
        beyond |= Q(**same, **{f"{names[i]}__{sides[i]}": at[i]})
    try:
        return rows.filter(**{f"{names[0]}__{sides[0]}e": at[0]}).filter(beyond)
    except (ValueError, TypeError, OverflowError, ValidationError):
        raise _no_cursor() from None


def cursor_at(at: list[Any], *, back: bool = False) -> str:
    """The cursor of the page that begins after these values; with `back`, of the one that ends before."""
    text = json.dumps(
        [int(back), *(v if isinstance(v, (int, float)) else str(v) for v in at)], separators=(",", ":")
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _link(request: Any, row: Any, order: tuple[str, ...], *, back: bool) -> str:
    query = request.GET.copy()
    query["cursor"] = cursor_at([getattr(row, f.lstrip("-")) for f in order], back=back)
    return str(request.build_absolute_uri(f"{request.path}?{urlencode(list(query.lists()), doseq=True)}"))
