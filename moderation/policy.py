"""What may be here: one function for each subject answers allow, refuse or review, with code and rule.

`of_*` only answer. `check_*` act on the answer: they raise, write to the audit log, count the refusal for
strikes, and put what a person must look at into the staff's queue.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import redis
from django.core.cache import caches
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, Invalid
from ml import media, pdq, safety
from ml.errors import MLError
from ml.words import screening
from moderation.cases import services as cases
from moderation.cases.models import Case
from moderation.hashes import checks
from moderation.models import AuditEntry, BlockedTerm
from moderation.standing import strikes

WORDS, PEOPLE = BlockedTerm.Kind.WORD, BlockedTerm.Kind.PERSON
TERMS = "moderation.terms"
LISTS, HASHES, DETECTOR, AGE = "word lists", "hash lists", "nudity detector", "age estimate"


class Action(StrEnum):
    ALLOW = "allow"
    REFUSE = "refuse"
    REVIEW = "review"  # allowed to its owner alone, until a person of staff has looked


@dataclass(frozen=True)
class Answer:
    """`code` is that of the refusal, `rule` the list or the finding behind it. `screened` is what looked, and
    `missing` what did not: about that nothing is said."""

    action: Action = Action.ALLOW
    code: str = ""
    rule: str = ""
    screened: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


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


# ---------------------------------------------------------------- words


def of_prompt(prompt: str, negative: str = "", *, adult: bool = False) -> Answer:
    """`adult` opens the list of sexual words and no other. Where it is True, the caller knows that this
    person may (moderation.adult); minors, other people, known people and violence are refused all the same.
    """
    return _of_text(prompt, negative, allow_sexual=adult)


def of_words(text: str) -> Answer:
    """Of a name, a caption or a comment: what others read."""
    return _of_text(text)


def _of_text(text: str, negative: str = "", *, allow_sexual: bool = False) -> Answer:
    words, people = _terms()
    verdict = screening.screen(text, negative, blocked=words, allow_sexual=allow_sexual)
    code = verdict.code
    if verdict.allowed and people and not screening.screen(text, blocked=people, allow_sexual=True).allowed:
        code = "known_person"
    if not code:
        return Answer(screened=(LISTS,))
    return Answer(Action.REFUSE, code, "staff's list" if code == "blocked" else code, (LISTS,))


def check_prompt(user: Any, prompt: str, negative: str = "", *, adult: bool = False) -> None:
    """Raises PromptEmpty, or PromptRefused and writes an audit entry without the texts."""
    answer = of_prompt(prompt, negative, adult=adult)
    if answer.code == "empty":
        raise PromptEmpty
    if answer.action == Action.REFUSE:
        AuditEntry.objects.create(actor=user, verb="prompt_refused", detail=answer.code)
        strikes.count_refusal(user.pk, answer.code)
        raise PromptRefused(answer.code)


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
    answer = of_words(text)
    if answer.action == Action.REFUSE and answer.code not in UNLIKE_PROMPTS:
        AuditEntry.objects.create(actor=user, verb="words_refused", detail=answer.code)
        strikes.count_refusal(user.pk, answer.code)
        raise WordsRefused(answer.code)


def _terms() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words and the people that staff blocked, cached for 30 s. Without Redis they are read from the
    database each time."""
    with contextlib.suppress(redis.RedisError):
        if (kept := caches["redis"].get(TERMS)) is not None:
            return tuple(kept[0]), tuple(kept[1])
    rows = list(BlockedTerm.objects.values_list("kind", "text"))
    found = tuple(tuple(text for kind, text in rows if kind == each) for each in (WORDS, PEOPLE))
    with contextlib.suppress(redis.RedisError):
        caches["redis"].set(TERMS, found, 30)
    return found[0], found[1]


def forget_terms() -> None:
    """The lists changed: this takes effect at once where Redis answers, else within 30 s."""
    with contextlib.suppress(redis.RedisError):
        caches["redis"].delete(TERMS)


# ---------------------------------------------------------------- pictures


class PictureBlocked(DomainError):
    code = "picture_blocked"
    message = _(
        "This picture is on a list of pictures that may not be here, so it was not kept and nothing was "
        "charged. If you think that this is a mistake, write to us."
    )

    def __init__(self, entry: Any = None):
        self.entry = entry
        super().__init__()


class UnderReview(DomainError):
    code, status = "under_review", 409
    message = _("A person looks at this picture before others may see it. Try again tomorrow.")


def of_upload(picture: np.ndarray) -> Answer:
    """A picture that somebody sent, (H, W, 3) uint8, where the detector runs: in a worker. There is no
    estimate of age for it, and where the detector does not answer, it is not said to be screened."""
    listed = _of_forms(pdq.forms(picture))
    if listed.action == Action.REFUSE:
        return listed
    verdict = safety.screen_picture(picture)
    if verdict.label == "unavailable":
        return Answer(Action.REFUSE, "screening_unavailable", "", listed.screened, (DETECTOR, AGE))
    screened = (*listed.screened, DETECTOR)
    if not verdict.safe:
        return Answer(Action.REFUSE, "picture_unsafe", verdict.label, screened, (AGE,))
    return Answer(listed.action, listed.code, listed.rule, screened, (AGE,))


def of_picture(picture: np.ndarray) -> Answer:
    """Any picture, by the lists of hashes alone: the detector has looked at it elsewhere, or will."""
    return _of_forms(pdq.forms(picture))


def _of_forms(forms: list[pdq.Form]) -> Answer:
    missing = (DETECTOR, AGE)
    if not forms:
        return Answer(missing=(HASHES, *missing))  # too plain to be known again
    found = checks.find(forms)
    if found is None:
        return Answer(screened=(HASHES,), missing=missing)
    action = Action.REFUSE if found.sure else Action.REVIEW
    return Answer(action, PictureBlocked.code, found.entry.source, (HASHES,), missing)


def check_upload(user_id: Any, picture: np.ndarray) -> None:
    """What its sender is to blame for. Raises PictureBlocked."""
    try:
        check_picture(user_id, picture)
    except PictureBlocked:
        strikes.count_refusal(user_id, strikes.LISTED)
        raise


def check_in_worker(user_id: Any, picture: np.ndarray) -> None:
    """An upload, once more where the detector runs. MLError with the answer's code."""
    answer = of_upload(picture)
    if answer.action == Action.REFUSE:
        if answer.code != "screening_unavailable":
            AuditEntry.objects.create(actor_id=user_id, verb="upload_refused", detail=answer.rule)
        raise MLError(answer.code, "")


def check_picture(user_id: Any, picture: np.ndarray, *, subject: tuple[str, Any] | None = None) -> bytes:
    """Returns the picture's hashes, to be kept with it. Raises PictureBlocked and writes an audit entry.

    `subject`: the kind and the id that it is kept under, if staff can look at it there.
    """
    forms = pdq.forms(picture)
    found = checks.find(forms) if forms else None
    if found and found.sure:
        refused = {"subject_kind": found.entry._meta.model_name, "subject_id": str(found.entry.pk)}
        AuditEntry.objects.create(
            actor_id=user_id, verb=strikes.PICTURE, detail=found.entry.source, **refused
        )
        raise PictureBlocked(found.entry)
    if found and subject:
        cases.open_review(*subject, owner_id=user_id, rule=found.entry.source)
    return checks.prints_of(forms)


def check_reference(user_id: Any, thumbnail: bytes) -> None:
    """A picture of one's own that new ones begin from: the lists may have grown since it came here."""
    check_picture(user_id, media.to_array(thumbnail))


def require_reviewed(*items: Any) -> None:
    """Before others may see these items. Raises UnderReview while a person must look at one."""
    if Case.objects.all().of_items_to_review().filter(subject_id__in=list(map(str, items))).exists():
        raise UnderReview
