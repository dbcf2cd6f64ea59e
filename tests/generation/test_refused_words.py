"""Refused prompts over the API: each kind has its reason and its sentence, nothing is charged."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.utils import translation

from generation.models import Job
from moderation import policy
from moderation.models import AuditEntry, BlockedTerm

pytestmark = pytest.mark.django_db

KINDS = {
    "minor": "15 year old, lingerie",
    "known_person": "Taylor Swift",
    "other_person": "dancing with Lucinda Hargreaves",
    "undress": "remove her clothes",
    "sexual": "(nude:1.3)",
    "violence": "a man beheaded",
    "hate": "sieg heil",
    "self_harm": "cutting my wrists",
}


def ask(client: Any, prompt: str, negative: str = "", language: str = "en") -> Any:
    fields = {"prompt": prompt, "negative_prompt": negative}
    return client.post("/api/v1/generations", fields, format="json", HTTP_ACCEPT_LANGUAGE=language)


@pytest.mark.parametrize("reason", KINDS)
def test_each_kind_has_its_reason_and_its_sentence_in_three_languages(as_alice: Any, reason: str) -> None:
    answers = [ask(as_alice, KINDS[reason], language=language).json() for language in ("en", "es", "zh-hans")]
    assert {(a["code"], a["reason"]) for a in answers} == {("prompt_refused", reason)}
    with translation.override("en"):
        assert answers[0]["detail"] == str(policy.REASONS[reason])
    assert len({a["detail"] for a in answers}) == 3
    assert not Job.objects.exists()


def test_a_refusal_is_noted_without_the_words(as_alice: Any, alice: Any) -> None:
    ask(as_alice, "nude")
    entry = AuditEntry.objects.get(verb="prompt_refused")
    assert (entry.actor, entry.detail) == (alice, "sexual")


def test_emoji_alone_are_told_to_be_words_and_are_no_offence(as_alice: Any) -> None:
    answer = ask(as_alice, "😀")
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (422, "invalid", "empty")
    assert "in words" in answer.json()["errors"]["prompt"][0]
    assert not AuditEntry.objects.exists()


def test_a_usual_negative_prompt_is_allowed_and_clothes_are_not(as_alice: Any) -> None:
    assert ask(as_alice, "portrait", "nsfw, lowres, bad anatomy, bad hands").status_code == 202
    assert ask(as_alice, "portrait", "clothes").json()["reason"] == "undress"


def test_words_that_staff_block_are_found_in_disguise(as_alice: Any) -> None:
    BlockedTerm.objects.create(text="Zorbing")
    caches["redis"].delete(policy.TERMS)
    answer = ask(as_alice, "z.o.r.b.1.n.g on a hill").json()
    assert (answer["code"], answer["reason"]) == ("prompt_refused", "blocked")
    assert answer["detail"] == str(policy.PromptRefused.message)
    caches["redis"].delete(policy.TERMS)
