"""What trainings, jobs and a withdrawn consent tell their owners."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.translation import override

from accounts.notices.kinds import kinds, lines_of, words_of
from accounts.notices.models import Notice
from billing import ledger
from generation import services as generation
from generation.models import Job
from twins import services
from twins.models import Training

pytestmark = pytest.mark.django_db


def told(user: Any) -> list[tuple[str, str, str]]:
    found = Notice.objects.owned_by(user).order_by("created_at")
    return [(notice.kind, *words_of(notice)) for notice in found]


def test_a_trained_twin_is_ready(trained: Any, client: Any) -> None:
    assert told(trained.user) == [
        ("training_done", "Your twin is ready.", "The training is finished. Make pictures with it.")
    ]
    client.force_login(trained.user)
    opened = client.get(f"/account/notices/{Notice.objects.get().id}/")
    assert opened.url == f"/twins/{trained.id}/"


def test_a_failed_training_says_why_and_that_the_credits_are_back(trained: Any, work: Any) -> None:
    ledger.grant(ledger.wallet_of(trained.user), 50, cause="test:1")
    Notice.objects.all().delete()
    run = services.start_training(trained, seed=2)
    Training.claim(run.id).fail("out_of_memory")
    ((kind, title, text),) = told(trained.user)
    assert (kind, title) == ("training_failed", "A training failed.")
    assert text.startswith("There was not enough memory for this.")
    assert text.endswith("20 credits are back in your account.")


def test_what_a_free_training_failed_of_says_nothing_of_credits(twin: Any, photos: list[Any]) -> None:
    run = services.start_training(twin, seed=2)
    Training.claim(run.id).fail("internal")
    ((_kind, _title, text),) = told(twin.user)
    assert "credit" not in text


def test_pictures_are_counted_and_hold_no_prompt(trained: Any, work: Any) -> None:
    ledger.grant(ledger.wallet_of(trained.user), 50, cause="test:1")
    generation.request_images(trained.user, twin=trained, prompt="secret words", count=2)
    Notice.objects.all().delete()
    run = Job.claim(Job.objects.get().id)
    run.fail("internal")
    ((kind, title, text),) = told(trained.user)
    assert (kind, title) == ("image_failed", "Pictures could not be made.")
    assert "back in your account" in text
    assert "secret" not in str(list(Notice.objects.values()))


@pytest.mark.parametrize(
    ("kind", "one", "many"),
    [
        ("image", "Your picture is ready.", "Your 3 pictures are ready."),
        ("headshots", "Your headshot is ready.", "Your 3 headshots are ready."),
        ("video", "Your clip is ready.", "Your 3 clips are ready."),
        ("repair", "Your picture is repaired.", "3 pictures are repaired."),
        ("enlarge", "Your picture is enlarged.", "3 pictures are enlarged."),
        ("restore", "Your picture is restored.", "3 pictures are restored."),
    ],
)
def test_results_are_told_by_their_number(kind: str, one: str, many: str) -> None:
    done = kinds[f"{kind}_done"]
    assert done.words({"made": 1, "missing": 0, "back": 0}) == (one, "")
    said = done.words({"made": 3, "missing": 1, "back": 2})
    assert said == (many, "1 more could not be made. 2 credits are back in your account.")


def test_notices_of_one_kind_make_one_line_and_failures_stay_apart(alice: Any) -> None:
    done = {"made": 2, "missing": 0, "back": 0}
    notices = [Notice(user=alice, kind="image_done", facts=done) for _ in range(30)]
    notices += [
        Notice(user=alice, kind="image_failed", facts={"code": "internal", "detail": "", "back": 0})
        for _ in range(2)
    ]
    lines = lines_of(notices)
    assert [line.words.title for line in lines] == [
        "Your 60 pictures are ready.",
        "Pictures could not be made.",
        "Pictures could not be made.",
    ]
    assert lines[0].notice is max(notices[:30], key=lambda n: n.created_at)


def test_every_kind_has_sentences_in_every_language() -> None:
    facts = {"made": 1, "missing": 1, "back": 1, "code": "internal", "detail": ""}
    facts |= {"number": "T-7K3MQ2X9"}
    facts |= {"rule": "hate", "strikes": 1, "limit": 3, "adult": False, "reason": "no_consent"}
    for language in ("es", "zh-hans"):
        for kind in kinds.values():
            english = kind.words(facts)
            with override(language):
                assert kind.words(facts).title != english.title, kind.name
