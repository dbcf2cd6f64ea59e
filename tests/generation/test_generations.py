"""Jobs for pictures: requested, rendered, charged, repeated, refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import audit, ledger
from billing.models import Wallet
from config.runs.sweeper import sweep_kind
from tests.studio import EngineDouble, lora_in

pytestmark = pytest.mark.django_db
ASK = {"prompt": "smiling, in a park", "count": 2, "seed": 7}


def ask(client: Any, twin: Any, **fields: Any) -> Any:
    key = fields.pop("key", None)
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(
        "/api/v1/generations", {"twin": str(twin.id), **ASK, **fields}, format="json", **headers
    )


def content(client: Any, item: str) -> bytes:
    return b"".join(client.get(f"/api/v1/items/{item}/content"))


def test_pictures_are_made_of_the_twin_and_charged(
    as_alice: Any, trained: Any, work: Callable[[], int]
) -> None:
    asked = ask(as_alice, trained)
    assert (asked.status_code, asked.json()["credits"]) == (
        202,
        {"held": 2, "captured": 0, "if_cancelled": 0},
    )
    work()
    job = as_alice.get(f"/api/v1/generations/{asked.json()['id']}").json()
    assert (job["status"], job["credits"], len(job["items"])) == (
        "succeeded",
        {"held": 0, "captured": 2, "if_cancelled": None},
        2,
    )
    assert lora_in(content(as_alice, job["items"][0])).hex() == trained.active_training.sha256[:60]
    seeds = [as_alice.get(f"/api/v1/items/{i}").json()["recipe"]["seed"] for i in job["items"]]
    assert seeds == [7, 8]
    assert audit.problems() == []


def test_the_same_seed_makes_the_same_pixels(as_alice: Any, trained: Any, work: Callable[[], int]) -> None:
    first = ask(as_alice, trained, count=1).json()["id"]
    work()
    again = as_alice.post(f"/api/v1/generations/{first}/repeat", {"same_seed": True}, format="json").json()[
        "id"
    ]
    work()
    items = [as_alice.get(f"/api/v1/generations/{j}").json()["items"][0] for j in (first, again)]
    assert content(as_alice, items[0]) == content(as_alice, items[1])


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"prompt": "nude"}, "prompt_refused"),
        ({"negative_prompt": "clothes"}, "prompt_refused"),
        ({"prompt": "😀😀"}, "invalid"),
        ({"prompt": "a" * 10_000}, "invalid"),
        ({"prompt": "a\x07b"}, "invalid"),
        ({"style": "cubist"}, "invalid"),
        ({"count": 0}, "invalid"),
        ({"count": 9}, "invalid"),
        ({"aspect_ratio": "7:5"}, "invalid"),
        ({"seed": -1}, "invalid"),
    ],
)
def test_what_cannot_be_asked_for_costs_nothing(
    as_alice: Any, trained: Any, fields: dict[str, Any], code: str
) -> None:
    answer = ask(as_alice, trained, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 3


def test_another_ones_twin_is_not_there(as_bob: Any, trained: Any) -> None:
    assert ask(as_bob, trained).json()["code"] == "not_found"


def test_an_unfinished_twin_makes_no_picture(as_alice: Any, twin: Any) -> None:
    assert ask(as_alice, twin).json()["code"] == "twin_not_trained"


def test_without_credits_nothing_is_made(as_alice: Any, trained: Any) -> None:
    answer = ask(as_alice, trained, count=4)
    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (
        402,
        "not_enough_credits",
        3,
    )


def test_a_key_sent_twice_is_one_job(as_alice: Any, trained: Any, work: Callable[[], int]) -> None:
    first = ask(as_alice, trained, key="k").json()
    work()
    second = ask(as_alice, trained, key="k")
    assert (second.status_code, second.json()["id"], second.json()["status"]) == (
        202,
        first["id"],
        "succeeded",
    )
    assert ask(as_alice, trained, key="k", count=1).json()["code"] == "idempotency_mismatch"
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 1


def test_a_refused_result_is_not_paid_and_the_others_are(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    engine.refuse = lambda spec: spec.seed == 8
    job = ask(as_alice, trained).json()["id"]
    work()
    seen = as_alice.get(f"/api/v1/generations/{job}").json()
    assert (seen["status"], len(seen["items"]), seen["credits"]["captured"]) == ("succeeded", 1, 1)


def test_when_nothing_may_be_shown_the_job_fails_and_costs_nothing(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    engine.refuse = lambda spec: True
    job = ask(as_alice, trained).json()["id"]
    work()
    seen = as_alice.get(f"/api/v1/generations/{job}").json()
    assert (seen["status"], seen["error"]["code"]) == ("failed", "result_refused")
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 3


@pytest.mark.parametrize("forgiven, captured", [(0, 0), (20, 2), (19, 1)])
def test_pictures_below_the_likeness_floor_are_delivered_and_not_charged(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int], forgiven: int, captured: int
) -> None:
    """Up to the price of one training a day: a prompt can ask for somebody else."""
    Wallet.objects.filter(user=trained.user).update(forgiven=forgiven, forgiven_since=timezone.now())
    engine.of_pictures = 0.4
    job = ask(as_alice, trained).json()["id"]
    work()
    seen = as_alice.get(f"/api/v1/generations/{job}").json()
    assert (seen["status"], len(seen["items"]), seen["unlike"]) == ("succeeded", 2, 2)
    assert (seen["credits"]["captured"], audit.problems()) == (captured, [])


def test_of_a_cancelled_job_the_delivered_pictures_and_the_begun_one_are_charged(
    as_alice: Any, trained: Any, wake_ups: list[Any]
) -> None:
    from generation.models import Job, Output

    Wallet.objects.filter(user=trained.user).update(forgiven=20, forgiven_since=timezone.now())
    run: Any = Job.claim(ask(as_alice, trained, count=3).json()["id"])
    Output.objects.create(job=run, index=0, item=uuid4())
    run.progress("rendering", 0.3)  # written before the first was delivered
    assert run.if_cancelled == 1
    run.progress("rendering 2", 0.34)  # of the second picture
    assert run.if_cancelled == 2
    assert as_alice.post(f"/api/v1/generations/{run.id}/cancel").json()["credits"]["if_cancelled"] == 2
    run.end_cancelled()
    assert (Job.objects.get().captured, audit.problems()) == (2, [])


def test_a_cancelled_job_gives_the_credits_back(as_alice: Any, trained: Any) -> None:
    job = ask(as_alice, trained).json()["id"]
    assert as_alice.post(f"/api/v1/generations/{job}/cancel").json()["status"] == "cancelled"
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 3
    assert as_alice.post(f"/api/v1/generations/{job}/cancel").json()["code"] == "already_finished"


def test_a_consent_withdrawn_between_asking_and_making_stops_it(
    as_alice: Any, trained: Any, work: Callable[[], int]
) -> None:
    from generation.models import Job

    job = ask(as_alice, trained).json()["id"]
    as_alice.delete("/api/v1/consents/biometric_twin")
    work()
    assert Job.objects.get(id=job).status == "cancelled"
    assert as_alice.get("/api/v1/items").json()["results"] == []


def test_a_worker_that_lost_its_run_delivers_nothing(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    """Another worker claims the job while the first one renders."""
    from generation.models import Job

    job = ask(as_alice, trained, count=1).json()["id"]
    engine.refuse = lambda spec: Job.objects.filter(id=job).update(attempt=9) > 5
    work()
    assert as_alice.get("/api/v1/items").json()["results"] == []
    assert Job.objects.get(id=job).status == "running"


def test_a_price_is_told_before(as_alice: Any) -> None:
    for fields, price in (({"count": 4}, 4), ({"count": 2, "quality": "high"}, 4), ({}, 1)):
        assert as_alice.post("/api/v1/quote", {"kind": "image", **fields}, format="json").json() == {
            "credits": price
        }
    assert as_alice.post("/api/v1/quote", {"kind": "boat"}, format="json").json()["code"] == "invalid"


def test_a_list_of_waiting_jobs_takes_the_same_number_of_queries_however_long(
    as_alice: Any, trained: Any, django_assert_max_num_queries: Any
) -> None:
    from generation.models import Job

    Job.objects.bulk_create(Job(user=trained.user, twin=trained, prompt="x", seed=i) for i in range(50))
    with django_assert_max_num_queries(4):
        rows = as_alice.get("/api/v1/generations?limit=50").json()["results"]
    assert sorted(r["position"] for r in rows) == list(range(1, 51))


def test_a_prompt_with_chinese_commas_is_completed_with_them() -> None:
    from django.utils.translation import override

    from generation.suggestions import suggest

    with override("zh-hans"):
        assert suggest("微笑，在公") == ["微笑，在公园里"]
        assert suggest("smiling, 在公") == ["smiling, 在公园里"]


def test_ones_own_prompts_are_suggested_and_nobody_elses(as_alice: Any, as_bob: Any, trained: Any) -> None:
    from generation.models import Job

    for prompt in ("in a park at noon", "in a garden", "in a park at noon"):
        Job.objects.create(user=trained.user, twin=trained, prompt=prompt, seed=1)
    asked = "/api/v1/prompts/suggest?q=in a"
    assert as_alice.get(asked).json()[:2] == ["in a park at noon", "in a garden"]
    assert "in a garden" not in as_bob.get(asked).json()
    assert as_alice.get("/api/v1/prompts/suggest").json()[0] == "in a park at noon"


def test_an_accelerator_that_is_gone_costs_nothing_and_another_worker_takes_it_up(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    from generation.models import Job
    from ml.errors import DeviceLost

    lost: list[str] = []

    def gone(stage: str, share: float) -> None:
        if share > 0 and not lost:
            lost.append(stage)
            raise DeviceLost("CUDA error: uncorrectable ECC error encountered")

    engine.on_step = lambda stage, share: gone(
        stage, 1.0 if Job.objects.filter(outputs__index=0).exists() else 0.0
    )
    asked = ask(as_alice, trained).json()["id"]
    with pytest.raises(SystemExit):
        work()
    job = Job.objects.get(id=asked)
    assert (job.status, job.held, job.outputs.count()) == ("queued", 2, 1)
    assert sweep_kind(Job) == 0  # the worker had already sent a new wake-up
    work()
    job.refresh_from_db()
    assert (job.status, job.attempt, job.captured, job.outputs.count()) == ("succeeded", 2, 2, 2)
    assert audit.problems() == []


def test_an_accelerator_that_is_gone_again_and_again_is_told_and_credits_come_back(
    as_alice: Any, trained: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    from generation.models import Job
    from ml.errors import DeviceLost

    def gone(stage: str, share: float) -> None:
        raise DeviceLost("CUDA error: device-side assert triggered")

    engine.on_step = gone
    asked = ask(as_alice, trained).json()["id"]
    for _ in range(3):
        with pytest.raises(SystemExit):
            work()
        sweep_kind(Job)
    job = as_alice.get(f"/api/v1/generations/{asked}").json()
    assert (job["status"], job["error"]["code"], job["credits"]) == (
        "failed",
        "worker_lost",
        {"held": 0, "captured": 0, "if_cancelled": None},
    )
    assert ledger.balance(ledger.wallet_of(trained.user)).held == 0
