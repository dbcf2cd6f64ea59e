"""The limits of plans. A change to a smaller plan deletes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone, translation

from billing import ledger, limits, prices
from billing.models import Plan, Price, Wallet
from gallery.models import Item
from gallery.retiring import retire
from generation import services as generation
from generation import tasks
from generation.models import Job
from twins import services as twins
from twins.models import Twin

pytestmark = pytest.mark.django_db


def put_on(user: Any, code: str, **changes: Any) -> None:
    if changes:
        Plan.objects.filter(code=code).update(**changes)
    Wallet.objects.filter(id=ledger.wallet_of(user).id).update(plan=code)


@pytest.fixture
def second(trained: Any) -> Twin:
    """A second twin, made while the plan allowed more than one."""
    put_on(trained.user, "creator")
    twin = twins.create_twin(trained.user, name="Second")
    Twin.objects.filter(id=twin.id).update(active_training=trained.active_training)
    put_on(trained.user, "free")
    twin.refresh_from_db()
    return twin


def test_a_twin_over_the_plan_is_read_only(second: Twin, as_alice: Any, photos: list[Any]) -> None:
    refused = [
        as_alice.patch(f"/api/v1/twins/{second.id}", {"name": "x"}, format="json"),
        as_alice.post(f"/api/v1/twins/{second.id}/photos", {"photo": str(photos[0].id)}, format="json"),
        as_alice.post(f"/api/v1/twins/{second.id}/trainings", {}, format="json"),
        as_alice.post("/api/v1/generations", {"twin": str(second.id), "prompt": "in a park"}, format="json"),
    ]
    assert [(a.status_code, a.json()["code"]) for a in refused] == [(409, "twin_read_only")] * 4
    assert {a.json()["detail"] for a in refused} == {
        "Your plan holds 1 twin, so this one can only be looked at. Delete the other, or change your plan."
    }
    assert as_alice.get(f"/api/v1/twins/{second.id}").json()["status"] == "read_only"
    assert ledger.balance(ledger.wallet_of(second.user)).held == 0


def test_the_older_twin_stays_in_use_and_deleting_it_frees_its_place(
    second: Twin, trained: Any, as_alice: Any
) -> None:
    assert as_alice.get(f"/api/v1/twins/{trained.id}").json()["status"] == "trained"
    assert as_alice.delete(f"/api/v1/twins/{trained.id}").status_code == 204
    assert as_alice.get(f"/api/v1/twins/{second.id}").json()["status"] != "read_only"


def test_the_pages_mark_a_read_only_twin(second: Twin, client: Any) -> None:
    client.force_login(second.user)
    assert "can only be looked at" in client.get("/account/billing/").content.decode()
    assert "can only be looked at" in client.get(f"/twins/{second.id}/").content.decode()


def three(user: Any, twin: Twin) -> list[Job]:
    """Three jobs of a user whose plan works on two at once."""
    put_on(user, "free", jobs=2)
    asked = [generation.request_images(user, twin=twin, prompt="in a park", key=str(n)) for n in range(3)]
    return [Job.objects.get(id=job.id) for job in asked]


def test_what_is_more_than_the_plan_works_on_at_once_waits_and_begins_by_itself(
    trained: Any, wake_ups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    jobs = three(trained.user, trained)
    claimed = [Job.claim(job.id) for job in jobs]
    assert [bool(job) for job in claimed] == [True, True, False]
    assert list(tasks._turns("render")) == []  # no worker chooses it either
    wake_ups.clear()
    with django_capture_on_commit_callbacks(execute=True):
        claimed[0].fail("internal")  # type: ignore[union-attr]
    assert [wake_up.ident for wake_up in wake_ups] == [str(jobs[2].id)]
    assert Job.claim(jobs[2].id)


def test_only_a_long_queue_of_ones_own_is_refused(trained: Any, wake_ups: list[Any]) -> None:
    three(trained.user, trained)
    rows = [Job(user=trained.user, twin=trained, prompt="x", seed=n) for n in range(2 * limits.WAITING - 1)]
    Job.objects.bulk_create(rows)
    with pytest.raises(limits.JobLimit):
        generation.request_images(trained.user, twin=trained, prompt="in a park", key="new")
    # A repeated request returns the earlier run, so the limit does not refuse it.
    assert generation.request_images(trained.user, twin=trained, prompt="in a park", key="1").id
    rows[0].cancel()
    ledger.grant(ledger.wallet_of(trained.user), 1, cause="test")
    assert generation.request_images(trained.user, twin=trained, prompt="in a park", key="new")


def test_a_picture_is_no_larger_than_the_plan_allows(trained: Any, wake_ups: list[Any]) -> None:
    put_on(trained.user, "free", longest=300)
    assert generation.request_images(trained.user, twin=trained, prompt="in a park").longest == 300
    put_on(trained.user, "pro")
    assert generation.request_images(trained.user, twin=trained, prompt="in a park").longest is None


def test_old_pictures_are_deleted_only_while_the_plan_has_a_retention_limit(
    trained: Any, work: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    ledger.grant(ledger.wallet_of(trained.user), 20, cause="test")
    with django_capture_on_commit_callbacks(execute=True):
        generation.request_images(trained.user, twin=trained, prompt="in a park", count=2)
    work()
    old = Item.objects.earliest("index")
    Item.objects.filter(id=old.id).update(created_at=timezone.now() - timedelta(days=31))
    assert retire() == 0  # no limit
    put_on(trained.user, "free", retention_days=30)
    assert retire() == 0  # the plan began just now: a whole retention period must pass first
    Wallet.objects.update(plan_since=timezone.now() - timedelta(days=31))
    assert retire() == 1
    assert Item.objects.count() == 1
    assert not Item.objects.filter(id=old.id).exists()


def test_page_quote_and_hold_use_one_price_list(
    trained: Any, as_alice: Any, client: Any, wake_ups: list[Any]
) -> None:
    Price.objects.create(code="high", credits=3)
    ledger.grant(ledger.wallet_of(trained.user), 20, cause="test")
    asked = {"kind": "image", "twin": str(trained.id), "prompt": "in a park", "quality": "high", "count": 2}
    assert as_alice.post("/api/v1/quote", asked, format="json").json() == {"credits": 6}
    client.force_login(trained.user)
    assert '"high": 3' in unescape(client.get("/studio/").content.decode())
    assert as_alice.post("/api/v1/generations", asked, format="json").json()["credits"]["held"] == 6
    assert (prices.video(4), prices.restoration()) == (20, 1)


def test_a_changed_price_does_not_change_open_runs(
    trained: Any, work: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = generation.request_images(trained.user, twin=trained, prompt="in a park", count=2)
    Price.objects.create(code="standard", credits=9)
    work()
    job.refresh_from_db()
    assert (job.captured, job.units, job.engine) == (2, 2, "nano")


@pytest.mark.parametrize(
    ("refusal", "spanish"),
    [
        (limits.TwinLimit(limit=1), "Tu plan admite 1 gemelo. Bórralo o cambia de plan."),
        (limits.TwinLimit(limit=3), "Tu plan admite 3 gemelos. Borra uno o cambia de plan."),
        (
            ledger.NotEnoughCredits(price=1, available=0),
            "Esto cuesta 1 crédito y tienes 0. Consigue créditos para continuar.",
        ),
        (
            ledger.NotEnoughCredits(price=4, available=1),
            "Esto cuesta 4 créditos y tienes 1. Elige menos o consigue créditos.",
        ),
    ],
    ids=["one twin", "twins", "one credit", "credits"],
)
def test_one_is_told_as_one(refusal: Any, spanish: str) -> None:
    with translation.override("es"):
        assert refusal.detail == spanish
