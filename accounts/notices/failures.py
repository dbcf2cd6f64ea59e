"""What notices say of a run that failed: why, and what became of its credits."""

from __future__ import annotations

from typing import Any

from django.utils.translation import ngettext

from accounts.notices.kinds import Facts, joined
from config.runs.sentences import SENTENCES


def failure_of(run: Any) -> Facts:
    """The facts of a failure."""
    return {"code": run.error_code, "detail": run.error_detail, "back": credits_back(run)}


def credits_back(run: Any) -> int:
    """How many of the held credits its end has given back; 0 for runs that cost nothing."""
    return int(getattr(run, "price", 0) - getattr(run, "captured", 0))


def reason_of(facts: Facts) -> str:
    reason = str(SENTENCES.get(facts["code"]) or facts["detail"])
    return joined(reason, back_of(facts))


def back_of(facts: Facts) -> str:
    """The sentence about the credits; empty where none came back."""
    n = facts.get("back", 0)
    said = ngettext("%(n)s credit is back in your account.", "%(n)s credits are back in your account.", n)
    return said % {"n": n} if n else ""
