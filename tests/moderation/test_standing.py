"""Strikes and suspensions: what gives them, what a suspended account can do, appeals, and staff's page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client, TestCase
from django.utils import timezone

from accounts.standing.models import Suspension
from accounts.standing.services import Suspended
from billing import ledger
from config.errors import Invalid
from generation.services import request_images
from moderation.models import AuditEntry
from moderation.standing import strikes, suspending
from moderation.standing.models import Strike
from moderation.standing.rules import RULES
from tests.conftest import client_of, jpeg, person
from tests.factory import for_programs
from tests.moderation.pictures import drawn, hang
from tests.rights import logged_in, staff_with
from tests.twins.test_at_once import apart

pytestmark = pytest.mark.django_db
WHY = "You made pictures of others."


@pytest.fixture
def judge_of_people() -> Any:
    return staff_with("accounts.change_standing", "accounts.view_suspension", "moderation.view_strike")


def suspended(user: Any, actor: Any, days: int | None = 7) -> Suspension:
    until = timezone.now() + timedelta(days=days) if days else None
    with TestCase.captureOnCommitCallbacks(execute=True):
        return suspending.suspend(user, actor=actor, reason="other_people", text=WHY, until=until)


def refuse(client: Any, times: int, prompt: str = "sieg heil") -> None:
    for _each in range(times):
        client.post("/api/v1/generations", {"prompt": prompt}, format="json")


# ---------------------------------------------------------------- strikes


def test_refusals_that_repeat_are_a_strike_and_three_strikes_suspend(as_alice: Any, alice: Any) -> None:
    after = RULES["hate"].after
    refuse(as_alice, after - 1)
    assert not Strike.objects.exists()
    refuse(as_alice, 1)
    assert as_alice.get("/api/v1/me/standing").json()["strikes"][0]["rule"] == "hate"
    assert alice.notices.get().kind == "strike"
    refuse(as_alice, 2 * after)
    found = Suspension.objects.get()
    assert (found.reason, found.by, Strike.objects.count()) == ("strikes", None, 3)
    assert 6 < (found.until - timezone.now()).days + 1 <= 7
    refuse(as_alice, after)  # nothing is screened any more
    assert Strike.objects.count() == 3


@pytest.mark.parametrize("prompt", ["cutting my wrists", "dancing with Lucinda Hargreaves", "😀"])
def test_what_is_no_fault_gives_no_strike(as_alice: Any, prompt: str) -> None:
    refuse(as_alice, 8, prompt)
    assert not Strike.objects.exists()


def test_the_next_suspension_is_longer_and_the_third_has_no_end(alice: Any) -> None:
    ends = []
    for _round in range(3):
        for _each in range(3):
            strikes.give(alice, rule="conduct", text=WHY)
        ends.append(Suspension.objects.filter(user=alice).first().until)
        Suspension.objects.update(until=timezone.now())
        Strike.objects.update(cancelled_at=timezone.now())
    assert [end and round((end - timezone.now()) / timedelta(days=1)) for end in ends] == [7, 30, None]


def test_a_strike_counts_until_it_expires_or_is_taken_back(alice: Any, judge_of_people: Any) -> None:
    first = strikes.give(alice, rule="conduct", actor=judge_of_people, text=WHY)
    Strike.objects.filter(id=first.id).update(expires_at=timezone.now())
    second = strikes.give(alice, rule="conduct", actor=judge_of_people, text=WHY)
    for _twice in range(2):
        strikes.cancel(second, actor=judge_of_people)
    assert not Strike.objects.filter(user=alice).counting().exists()
    assert AuditEntry.objects.filter(verb="cancel_strike").count() == 1


def test_one_case_is_one_strike_and_its_reversal_takes_it_back(alice: Any) -> None:
    same = [strikes.give(alice, rule="removed", cause="PF-ABCDEF") for _twice in range(2)]
    assert same[0] == same[1]
    strikes.cancel_cause("PF-ABCDEF")
    assert not Strike.objects.get().counts


def test_staff_get_no_strikes_and_are_not_suspended(judge_of_people: Any) -> None:
    assert strikes.give(judge_of_people, rule="conduct") is None
    with pytest.raises(suspending.StaffNotSuspended):
        suspended(judge_of_people, None)


# ---------------------------------------------------------------- what a suspended account can do


def test_a_suspended_account_makes_nothing_and_is_told_until_when(
    trained: Any, as_alice: Any, alice: Any, judge_of_people: Any
) -> None:
    ledger.grant(ledger.wallet_of(alice), 100, cause="test")
    item, key = hang(alice, drawn(1)), for_programs(alice)
    found = suspended(alice, judge_of_people)
    photo, proof = {"file": SimpleUploadedFile("p.jpg", jpeg(3))}, {"password": "a long password"}
    told = [
        as_alice.post(f"/api/v1/twins/{trained.id}/photos", photo, format="multipart"),
        as_alice.post(f"/api/v1/twins/{trained.id}/trainings", {}, format="json"),
        as_alice.post("/api/v1/generations", {"prompt": "a park"}, format="json"),
        as_alice.post("/api/v1/restorations", {"image": SimpleUploadedFile("p.jpg", jpeg(3))}),
        as_alice.post(f"/api/v1/items/{item.id}/edits", {"brightness": 20}, format="json"),
        as_alice.post(f"/api/v1/items/{item.id}/share", {}, format="json"),
        as_alice.post(f"/api/v1/items/{item.id}/publish", {"author": "A"}, format="json"),
        as_alice.post(
            "/api/v1/api-keys",
            {"name": "k", "scopes": ["read"], "password": "a long password"},
            format="json",
        ),
        as_alice.post(f"/api/v1/api-keys/{key['key']}/rotate", proof, format="json"),
    ]
    assert [(a.status_code, a.json()["code"]) for a in told] == [(403, "account_suspended")] * len(told)
    assert told[0].json()["until"] == found.until.isoformat()
    assert (told[0].json()["reason"], trained.trainings.count()) == ("other_people", 1)


def test_a_suspended_account_uses_no_api_key_and_can_again_after_the_end(
    alice: Any, judge_of_people: Any
) -> None:
    from accounts.developers.services import create_key

    _row, key = create_key(alice, name="k", scopes=["read"])
    found = suspended(alice, judge_of_people)
    client = Client(headers={"Authorization": f"Api-Key {key}"})
    assert client.get("/api/v1/me").json()["code"] == "account_suspended"
    Suspension.objects.filter(id=found.id).update(until=timezone.now())
    assert client.get("/api/v1/me").status_code == 200


def test_a_suspended_account_logs_in_reads_exports_appeals_and_erases(
    alice: Any, judge_of_people: Any, wake_ups: Any
) -> None:
    suspended(alice, judge_of_people, days=None)
    client = Client()
    login = {"login": "alice@example.com", "password": "a long password"}
    client.post("/accounts/login/", login)
    page = client.get("/gallery/")
    assert "Your account is suspended" in page.text
    assert "It has no end." in client.get("/account/standing/").text
    api, proof = client_of(alice), {"password": "a long password"}
    assert api.post("/api/v1/me/export", proof, format="json").status_code == 202
    assert (
        "look at it once more"
        in client.post("/account/standing/", {"text": "They all agreed to it."}, follow=True).text
    )
    assert api.delete("/api/v1/me", proof, format="json").status_code == 202


def test_what_runs_ends_with_its_credits_back(trained: Any, alice: Any, judge_of_people: Any) -> None:
    from generation.models import Job
    from tests.factory import start_work

    training = start_work(alice)
    before = ledger.balance(ledger.wallet_of(alice))
    suspended(alice, judge_of_people)
    training.refresh_from_db()
    assert (training.status, training.error_code, training.captured) == ("failed", "account_suspended", 0)
    assert set(Job.objects.values_list("status", "error_code")) == {("failed", "account_suspended")}
    after = ledger.balance(ledger.wallet_of(alice))
    assert (after.held, after.available) == (0, before.available + before.held)


def test_the_page_shows_a_refusal_and_loses_nothing(alice: Any, judge_of_people: Any) -> None:
    suspended(alice, judge_of_people)
    client = Client()
    client.force_login(alice)
    answer = client.post("/studio/", {"prompt": "a park", "count": 1}, follow=True)
    assert answer.status_code in (200, 403)
    assert "suspended until" in answer.text


@pytest.mark.django_db(transaction=True)
def test_a_request_beside_a_suspension_is_refused_and_of_two_suspensions_one_is_made(
    alice: Any, judge_of_people: Any, wake_ups: Any, engine: Any
) -> None:
    from generation.models import Job

    ledger.grant(ledger.wallet_of(alice), 10, cause="test")
    ask = partial(apart, request_images, alice, twin=None, prompt="a park")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            suspending.suspend(alice, actor=None, reason="strikes")
            sent = pool.submit(ask)
        assert isinstance(sent.exception(20), Suspended)
    assert not Job.objects.exists()
    Suspension.objects.update(lifted_at=timezone.now())
    again = partial(apart, suspending.suspend, alice, actor=None, reason="strikes")
    with ThreadPoolExecutor(2) as pool:
        errors = [pool.submit(again) for _each in range(2)]
        found = [each.exception(20) for each in errors]
    assert sorted(type(each).__name__ for each in found) == ["NoneType", "SuspendedAlready"]


# ---------------------------------------------------------------- staff and the appeal


def test_it_is_told_by_e_mail_and_is_on_record(alice: Any, bob: Any, judge_of_people: Any) -> None:
    suspended(alice, judge_of_people)
    assert (mail.outbox[0].to, WHY in mail.outbox[0].body) == (["alice@example.com"], True)
    entry = AuditEntry.objects.get(verb="suspend")
    assert (entry.actor, entry.subject_id) == (judge_of_people, str(alice.id))
    assert not client_of(bob).get("/api/v1/me/standing").json()["suspended"]
    with pytest.raises(suspending.SuspendedAlready):
        suspended(alice, judge_of_people)


@pytest.mark.parametrize("fields", [{"reason": "strikes"}, {"reason": "mood"}, {"text": "short"}])
def test_a_suspension_needs_a_reason(alice: Any, judge_of_people: Any, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        suspending.suspend(alice, actor=judge_of_people, **({"reason": "abuse", "text": WHY} | fields))
    assert not Suspension.objects.exists()


def test_an_appeal_is_taken_once_and_answered(alice: Any, as_alice: Any, judge_of_people: Any) -> None:
    found, appeal = suspended(alice, judge_of_people), "/api/v1/me/standing/appeal"
    said = {"text": "They all agreed to it."}
    assert as_alice.post(appeal, {"text": "no"}, format="json").json()["code"] == "invalid"
    assert as_alice.post(appeal, said, format="json").status_code == 201
    assert as_alice.post(appeal, said, format="json").json()["code"] == "appealed_already"
    found.refresh_from_db()
    with TestCase.captureOnCommitCallbacks(execute=True):
        suspending.refuse_appeal(found, actor=judge_of_people, text="They did not agree.")
    assert as_alice.get("/api/v1/me/standing").json()["suspension"]["answer"] == "They did not agree."
    assert "stays" in mail.outbox[-1].body
    with pytest.raises(suspending.NotSuspended):
        suspending.refuse_appeal(found, actor=judge_of_people, text="They did not agree.")


def test_nobody_appeals_where_there_is_nothing(as_bob: Any) -> None:
    answer = as_bob.post("/api/v1/me/standing/appeal", {"text": "I did nothing."}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_suspended")


def test_staff_act_on_the_page_of_a_person(alice: Any, judge_of_people: Any) -> None:
    client, where = logged_in(judge_of_people), f"/admin/moderation/strike/of/{alice.id}/"
    post = lambda **said: client.post(where, {"text": WHY} | said, follow=True).text  # noqa: E731
    assert "The strike is given" in post(act="strike", rule="conduct")
    strike = Strike.objects.get()
    assert "does not count any more" in post(act="cancel", strike=strike.id)
    assert "Choose how long" in post(act="suspend", reason="abuse", length="ever")
    assert "The account is suspended" in post(act="suspend", reason="abuse", length="good")
    found = Suspension.objects.get()
    assert "suspended already" in post(act="suspend", reason="abuse", length="1d")
    assert "10 to 1,000" in post(act="lift", suspension=found.id, text="no")
    assert "The suspension is lifted" in post(act="lift", suspension=found.id)
    assert "nothing to lift" in post(act="lift", suspension=found.id)
    assert "nothing here" in post(act="lift", suspension="\0")
    assert client.get("/admin/accounts/suspension/?appealed_at__isnull=False").status_code == 200
    verbs = {"strike", "cancel_strike", "suspend", "lift_suspension"}
    assert set(AuditEntry.objects.filter(actor=judge_of_people).values_list("verb", flat=True)) == verbs


def test_staff_without_the_right_do_nothing_and_nobody_else_sees_it(alice: Any) -> None:
    where = f"/admin/moderation/strike/of/{alice.id}/"
    assert logged_in(staff_with("moderation.view_strike")).get(where).status_code == 403
    client = Client()
    client.force_login(person("carol@example.com"))
    assert client.get(where).status_code in (302, 403)
