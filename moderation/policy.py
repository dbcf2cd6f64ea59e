"""Checks prompts against the built-in rules and the terms that staff blocked."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import Any

import redis
from django.core.cache import caches
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from ml import safety
from moderation.models import AuditEntry, BlockedTerm

TERMS = "moderation.terms"


class PromptRefused(DomainError):
    code = "prompt_refused"
    message = _(
        "These words are not allowed here, so nothing was made and nothing charged. "
        "Describe the picture in another way."
    )


def check_prompt(user: Any, *texts: str) -> None:
    """Raises PromptRefused and writes an audit entry without the texts. Empty texts pass."""
    for text in filter(str.strip, texts):
        verdict = safety.screen(text)
        if verdict.allowed:
            verdict = safety.screen(text, _staff_rules())
        if not verdict.allowed:
            AuditEntry.objects.create(actor=user, verb="prompt_refused", detail=verdict.code)
            raise PromptRefused(extra={"reason": verdict.code})


def _staff_rules() -> safety.Rules:
    """Rules with only the terms that staff blocked."""
    lists = [f.name for f in fields(safety.Rules) if f.name != "allow_sexual"]
    return safety.Rules(**dict.fromkeys(lists, ()) | {"hate": _terms()})


def _terms() -> tuple[str, ...]:
    """The blocked terms, cached for 30 s. Without Redis they are read from the database each time."""
    with contextlib.suppress(redis.RedisError):
        if (kept := caches["redis"].get(TERMS)) is not None:
            return tuple(kept)
    terms = tuple(BlockedTerm.objects.values_list("text", flat=True))
    with contextlib.suppress(redis.RedisError):
        caches["redis"].set(TERMS, terms, 30)
    return terms
