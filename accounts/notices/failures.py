"""What notices say of a run that failed: why, and what became of its credits."""

from __future__ import annotations

from typing import Any

from django.utils.translation import ngettext

from accounts.notices.kinds import Facts, joined
from config.runs.sentences import sentence_of


def failure_of(run: Any) -> Facts:
    """The facts of a failure."""
    told = {"code": run.error_code, "detail": run.error_detail, "back": credits_back(run)}
    return told | {"run": run.kind_name}


def credits_back(run: Any) -> int:
    """How many of the held credits its end has given back; 0 for runs that cost nothing."""
    return int(getattr(run, "price", 0) - getattr(run, "captured", 0))


def reason_of(facts: Facts) -> str:
    reason = str(sentence_of(facts["code"], facts.get("run", "")) or facts["detail"])
    return joined(reason, back_of(facts))


def back_of(facts: Facts) -> str:
    """The sentence about the credits; empty where none came back."""
    n = facts.get("back", 0)
    said = ngettext("%(n)s credit is back in your account.", "%(n)s credits are back in your account.", n)
    return said % {"n": n} if n else ""
