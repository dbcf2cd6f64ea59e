"""What every page says of a maintenance."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from support.maintenance import now


def announced(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the maintenance that is planned or, for staff, under way."""
    return {"maintenance": now.current()}
