"""A person's standing as the API, the page and the archive show it."""

from __future__ import annotations

from typing import Any

from accounts.standing.models import Suspension
from accounts.standing.services import current
from moderation.standing.models import Strike
from moderation.standing.rules import LIMIT, RULES


def show_standing(user: Any) -> dict[str, Any]:
    found = current(user.pk)
    return {
        "suspended": found is not None,
        "suspension": show_suspension(found) if found else None,
        "strikes": [show_strike(each) for each in Strike.objects.owned_by(user).counting()],
        "limit": LIMIT,
    }


def show_suspension(found: Suspension) -> dict[str, Any]:
    return {
        "id": found.id,
        "reason": found.reason,
        "detail": str(found.get_reason_display()),
        "text": found.text,
        "at": found.at,
        "until": found.until,
        "appealed_at": found.appealed_at,
        "answered_at": found.answered_at,
        "answer": found.answer,
    }


def show_strike(strike: Strike) -> dict[str, Any]:
    rule = RULES.get(strike.rule)
    return {
        "rule": strike.rule,
        "detail": str(rule.what) if rule else strike.rule,
        "text": strike.text,
        "at": strike.at,
        "expires_at": strike.expires_at,
    }
