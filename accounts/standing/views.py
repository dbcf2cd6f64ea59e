"""What every page shows of a suspension."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.standing.services import current


def banner(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the suspension of who is logged in, looked up only when a template shows it."""
    user = getattr(request, "user", None)
    return {"suspension": SimpleLazyObject(lambda: user and user.is_authenticated and current(user.pk))}
