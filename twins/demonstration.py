"""The demonstration person: no twin of anybody, and no row.

Requests name it by this id as they name a twin. Whatever asks for a twin by its owner (`owned_by`) does not
find it, so nobody changes, trains, shares or deletes it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from billing.engines import offers
from ml import demonstration

DEMONSTRATION = UUID("de300000-0000-4000-8000-000000000001")


def is_offered(user: Any) -> bool:
    """Whether this user has the engine whose weights it was trained on."""
    return any(demonstration.fits(base) for base in offers.usable(user))


def facts_of(user: Any) -> dict[str, Any]:
    """What pages without a twin read, to offer it."""
    return {"demonstration": DEMONSTRATION if is_offered(user) else None}
