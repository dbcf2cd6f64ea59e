"""Cases as people see them who filed them. Nothing says what is here, or who staff are."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from moderation.cases.models import UNDO, Case, Decision
from moderation.cases.watching import reasons


def standing(case: Case) -> Decision | None:
    """The decision, once it cannot be undone any more."""
    found = case.decision
    return found if found and found.at <= timezone.now() - UNDO else None


def show_case(case: Case) -> dict[str, Any]:
    decided = case.state == Case.State.DECIDED and not standing(case)
    return {"case": case.number, "kind": case.kind, "state": Case.State.CLAIMED if decided else case.state}


def show_takedown(case: Case) -> dict[str, Any]:
    found = standing(case)
    return show_case(case) | {
        "created_at": case.created_at,
        "due_at": case.due_at,
        "decision": show_decision(found) if found else None,
    }


def show_decision(found: Decision) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "reason": found.reason,
        "detail": reasons(found),
        "decided_at": found.at,
    }
