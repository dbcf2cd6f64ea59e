"""Checks prompts against the built-in rules and the terms that staff blocked, and pictures against the list
of blocked ones."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import redis
from django.core.cache import caches
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, Invalid
from ml import pdq
from ml.words import screening
from moderation.hashes import checks
from moderation.models import AuditEntry, BlockedTerm

TERMS = "moderation.terms"

# What the person reads, by the code of the verdict.
REASONS = {
    "minor": _(
        "Children and teenagers never appear in anything suggestive here. Nothing was made and nothing "
        "charged. Leave out one or the other."
    ),
    "known_person": _(
        "Pictures of well-known people are not made here. Nothing was made and nothing charged. "
        "Leave out the name."
    ),
    "other_person": _(
        "Pictures of other real people cannot be asked for here. Nothing was made and nothing charged. "
        "Leave out the name."
    ),
    "undress": _(
        "Nobody is undressed here. Nothing was made and nothing charged. Describe what the person wears."
    ),
    "sexual": _(
        "Nudity and sexual content are not made here. Nothing was made and nothing charged. "
        "Describe the picture without them."
    ),
    "violence": _(
        "Violence against people is not made here. Nothing was made and nothing charged. "
        "Describe the picture without it."
    ),
    "hate": _(
        "Hateful words and symbols are not made here. Nothing was made and nothing charged. "
        "Describe the picture without them."
    ),
    "self_harm": _(
        "Pictures of self-harm are not made here. Nothing was made and nothing charged. If you think of "
        "hurting yourself, please talk to somebody you trust or call a helpline."
    ),
}


class PromptRefused(DomainError):
    """`extra["reason"]` is the kind: a key of REASONS, or `blocked` for a word that staff blocked."""

    code = "prompt_refused"
    message = _(
        "These words are not allowed here, so nothing was made and nothing charged. "
        "Describe the picture in another way."
    )

    def __init__(self, reason: str):
        super().__init__(REASONS.get(reason), extra={"reason": reason})


class PromptEmpty(Invalid):
    message = _("Describe the picture in words. Emoji and signs alone are not enough.")

    def __init__(self) -> None:
        super().__init__(errors={"prompt": [str(self.message)]}, extra={"reason": "empty"})


def check_prompt(user: Any, prompt: str, negative: str = "") -> None:
    """Raises PromptEmpty, or PromptRefused and writes an audit entry without the texts."""
    verdict = screening.screen(prompt, negative, blocked=_terms())
    if verdict.code == "empty":
        raise PromptEmpty
    if not verdict.allowed:
        AuditEntry.objects.create(actor=user, verb="prompt_refused", detail=verdict.code)
        raise PromptRefused(verdict.code)


class PictureBlocked(DomainError):
    code = "picture_blocked"
    message = _(
        "This picture is on a list of pictures that may not be here, so it was not kept and nothing was "
        "charged. If you think that this is a mistake, write to us."
    )


def check_picture(user_id: Any, picture: np.ndarray) -> bytes:
    """Returns the picture's hashes, to be kept with it. Raises PictureBlocked and writes an audit entry."""
    forms = pdq.forms(picture)
    if entry := checks.blocked(forms):
        refused = {"subject_kind": entry._meta.model_name, "subject_id": str(entry.pk)}
        AuditEntry.objects.create(actor_id=user_id, verb="picture_blocked", detail=entry.source, **refused)
        raise PictureBlocked
    return checks.prints_of(forms)


class WordsRefused(DomainError):
    """`extra["reason"]` is the kind, as of PromptRefused."""

    code = "words_refused"
    message = _("These words are not allowed where others read them. Write it in another way.")

    def __init__(self, reason: str):
        super().__init__(extra={"reason": reason})


# Words that others read may be emoji alone, and may name somebody who is not well known.
UNLIKE_PROMPTS = ("empty", "other_person")


def check_words(user: Any, text: str) -> None:
    """Screens a name, a caption or a comment. Raises WordsRefused and writes an audit entry without the
    text."""
    verdict = screening.screen(text, blocked=_terms())
    if not verdict.allowed and verdict.code not in UNLIKE_PROMPTS:
        AuditEntry.objects.create(actor=user, verb="words_refused", detail=verdict.code)
        raise WordsRefused(verdict.code)


def _terms() -> tuple[str, ...]:
    """The blocked terms, cached for 30 s. Without Redis they are read from the database each time."""
    with contextlib.suppress(redis.RedisError):
        if (kept := caches["redis"].get(TERMS)) is not None:
            return tuple(kept)
    terms = tuple(BlockedTerm.objects.values_list("text", flat=True))
    with contextlib.suppress(redis.RedisError):
        caches["redis"].set(TERMS, terms, 30)
    return terms
