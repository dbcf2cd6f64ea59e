"""Which engines are offered to whom, and what they cost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing import ledger, prices
from billing.engines import costs, offers
from billing.engines.models import EngineCost, EngineOffer, RemoteRequest
from billing.models import Plan, Price, Wallet
from ml.catalogue import BASES
from moderation.models import AuditEntry
from tests.engines import agree, offer
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
RUN = "0b0e9b1e-6a37-4d5e-9f0c-2f4f3c1f7a10"


def names(bases: list[Any]) -> list[str]:
    return [base.name for base in bases]


def for_plans(profile: str, *codes: str, **fields: Any) -> EngineOffer:
    row = EngineOffer.objects.create(profile=profile, **fields)
    row.plans.set(Plan.objects.filter(code__in=codes))
    return row


# ---------------------------------------------------------------- who may use which


def test_what_is_configured_is_offered_to_everybody_in_this_order(alice: Any, settings: Any) -> None:
    offer(settings, "nano", "together", "fal")
    assert names(offers.usable(alice)) == ["nano", "together", "fal"]
    assert names(offers.trainable(alice)) == ["nano", "fal"]


def test_an_offer_for_plans_is_for_nobody_else(alice: Any, settings: Any) -> None:
    offer(settings, "nano", "fal")
    for_plans("fal", "pro")
    assert names(offers.usable(alice)) == ["nano"]
    with pytest.raises(offers.PlanRequired):
        offers.require(alice, "fal", trains=True)
    ledger.wallet_of(alice)
    Wallet.objects.filter(user=alice).update(plan="pro")
    assert offers.require(alice, "fal", trains=True).name == "fal"


@pytest.mark.parametrize(
    "profile, trains, field",
    [("flux-schnell", False, "engine"), ("boat", False, "engine"), ("together", True, "base")],
)
def test_what_is_not_offered_or_trains_nothing_is_refused(
    alice: Any, settings: Any, profile: str, trains: bool, field: str
) -> None:
    offer(settings, "nano", "together")
    with pytest.raises(offers.EngineUnknown) as e:
        offers.require(alice, profile, trains=trains)
    assert (e.value.code, list(e.value.errors)) == ("invalid", [field])


def test_a_closed_offer_is_for_nobody(alice: Any, settings: Any) -> None:
    offer(settings, "nano", "fal")
    for_plans("fal", offered=False)
    assert names(offers.usable(alice)) == ["nano"]
    with pytest.raises(offers.EngineUnknown):
        offers.require(alice, "fal")
    with pytest.raises(offers.EngineGone):
        offers.require_of_version(alice, "fal")


def test_the_usual_engine_is_the_first_that_one_may_use(alice: Any, settings: Any) -> None:
    offer(settings, "fal", "together", "nano")
    assert (offers.default(alice), offers.default(alice, trains=True)) == ("fal", "fal")
    for_plans("fal", "pro")
    assert (offers.default(alice), offers.default(alice, trains=True)) == ("together", "nano")
    for_plans("together", "pro")
    for_plans("nano", "pro")
    with pytest.raises(offers.PlanRequired):
        offers.default(alice)


def test_where_nothing_trains_a_training_has_no_usual_engine(alice: Any, settings: Any) -> None:
    offer(settings, "together")
    with pytest.raises(offers.EngineUnknown):
        offers.default(alice, trains=True)


def test_loras_of_ours_go_to_a_service_by_a_public_address_and_a_model_for_them(settings: Any) -> None:
    together = BASES["together"]
    for secure, model, can in ((True, "m", True), (False, "m", False), (True, "", False)):
        offer(settings, "flux-schnell", "together", lora_model=model)
        settings.SECURE = secure
        assert offers.can_render(together, "flux-schnell") is can
    assert not offers.can_render(BASES["flux-schnell"], "fal")
    assert offers.can_render(BASES["fal"], "fal")


# ---------------------------------------------------------------- the price list


def test_engines_have_prices_of_their_own_and_staff_change_them() -> None:
    fal = BASES["fal"]
    assert prices.of_engine(fal) == {"draft": 2, "standard": 1, "high": 2, "training": 80}
    assert [prices.pictures(fal, quality, 4) for quality in ("draft", "standard", "high")] == [4, 4, 8]
    for code, n in (("fal:training", 90), ("fal:high", 5), ("standard", 3), ("nano:draft", 7)):
        Price.objects.create(code=code, credits=n)
    assert prices.of_engine(fal) == {"draft": 2, "standard": 1, "high": 5, "training": 90}
    assert prices.of_engine(BASES["nano"]) == {"draft": 7, "standard": 3, "high": 2, "training": 20}
    assert prices.listed()["draft"] == 1
    assert "fal:high" not in prices.listed()


def test_what_one_engine_costs_is_no_price_of_another_whose_name_begins_alike() -> None:
    Price.objects.create(code="flux-schnell:training", credits=70)
    assert prices.training(BASES["flux-schnell"]) == 70
    assert prices.training(BASES["flux2-klein"]) == 67  # 2,000 steps, the built-in one takes 600 for 20


def test_every_engine_says_where_it_runs_and_what_it_costs(as_alice: Any, alice: Any, settings: Any) -> None:
    offer(settings, "nano", "fal", "together")
    agree(alice, "engine_together")
    nano, fal, together = as_alice.get("/api/v1/engines").json()
    assert (nano["where"], nano["consent"], nano["consented"]) == (None, None, True)
    assert fal["where"] == {
        "service": "fal",
        "company": "fal.ai (Features & Labels, Inc.)",
        "country": "US",
        "privacy_url": "https://fal.ai/legal/privacy-policy",
    }
    assert (fal["consent"], fal["consented"], fal["prices"]["training"]) == ("engine_fal", False, 80)
    assert (together["trains"], together["paints"], together["prices"]["training"]) == (False, True, None)
    assert together["consented"]


def test_a_plans_engines_are_listed_alone(as_alice: Any, settings: Any) -> None:
    offer(settings, "nano", "fal")
    for_plans("fal", "pro")
    assert [engine["id"] for engine in as_alice.get("/api/v1/engines").json()] == ["nano"]


# ---------------------------------------------------------------- what they cost us


def test_a_cost_holds_from_its_day_on() -> None:
    facts = {"engine": "fal", "job_kind": "image"}
    EngineCost.objects.create(**facts, since=date(2027, 1, 1), unit_cents=Decimal(4))
    EngineCost.objects.create(engine="fal", unit_cents=Decimal(1), since=date(2027, 6, 1))  # of every kind
    at = {day: datetime(2027, *day, 23, 59, tzinfo=UTC) for day in ((1, 1), (7, 1))}
    assert costs.cents_of("fal", "image", 2, at=datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == Decimal(7)
    assert [costs.cents_of("fal", "image", 2, at=moment) for moment in at.values()] == [8, 8]
    assert costs.cents_of("fal", "headshots", 1, at=at[7, 1]) == 1
    assert costs.cents_of("fal", "headshots", 1, at=at[1, 1]) is None


def test_the_delivered_costs_name_their_sources() -> None:
    found = {(row.engine, row.job_kind): row for row in EngineCost.objects.all()}
    assert found["fal", "image"].unit_cents == Decimal("3.5")
    assert found["fal", "training"].unit_cents == 600
    assert "estimate from the neighbouring trainer" in found["fal", "training"].source
    assert found["fal", "video"].unit_cents == 15
    assert "estimate from what others report" in found["fal", "video"].source


def test_a_price_has_one_row_a_day() -> None:
    EngineCost.objects.create(engine="nano")
    with pytest.raises(IntegrityError), transaction.atomic():
        EngineCost.objects.create(engine="nano")
    EngineCost.objects.create(engine="nano", since=date(2027, 1, 1))


def request(**fields: Any) -> RemoteRequest:
    facts = {"service": "fal", "model": "m", "run_kind": "training", "run_id": RUN, "work": "training"}
    return RemoteRequest.objects.create(**facts | fields)


def test_a_piece_of_work_has_one_open_request() -> None:
    first = request()
    with pytest.raises(IntegrityError), transaction.atomic():
        request()
    RemoteRequest.objects.filter(id=first.id).update(state="lost")
    request(state="waiting")
    assert RemoteRequest.objects.open().count() == 1


def test_an_id_of_a_service_belongs_to_one_request() -> None:
    request(request_id="r1")
    with pytest.raises(IntegrityError), transaction.atomic():
        request(work="scene-1", request_id="r1")
    request(work="scene-2", request_id="r1", service="together")
    request(work="scene-3")
    request(work="scene-4")  # none was told yet


# ---------------------------------------------------------------- staff


def test_staff_offer_an_engine_to_plans_and_it_is_on_record(settings: Any, alice: Any) -> None:
    offer(settings, "nano", "fal")
    staff = staff_with(*(f"billing.{verb}_engineoffer" for verb in ("view", "add", "change")))
    form = {"profile": "fal", "offered": "on", "plans": ["pro"], "free_first": "true"}
    assert logged_in(staff).post("/admin/billing/engineoffer/add/", form).status_code == 302
    assert (names(offers.usable(alice)), offers.free_first("fal")) == (["nano"], True)
    assert logged_in(staff).post("/admin/billing/engineoffer/fal/change/", {}).status_code == 302
    assert not offers.is_offered("fal")
    verbs = list(AuditEntry.objects.filter(actor=staff).order_by("id").values_list("verb", flat=True))
    assert verbs == ["add_engineoffer", "change_engineoffer"]


def test_staff_look_at_requests_and_change_none() -> None:
    row = request(status_url="https://queue.fal.run/secret")
    staff = staff_with(*(f"billing.{verb}_remoterequest" for verb in ("view", "add", "change", "delete")))
    client = logged_in(staff)
    page = client.get("/admin/billing/remoterequest/").content.decode()
    assert str(row.id) in page
    shown = client.get(f"/admin/billing/remoterequest/{row.id}/change/").content.decode()
    assert "secret" not in shown
    assert client.post(f"/admin/billing/remoterequest/{row.id}/change/", {}).status_code == 403
    assert client.get("/admin/billing/remoterequest/add/").status_code == 403


def test_the_admin_offers_a_price_for_each_engine(settings: Any) -> None:
    offer(settings, "nano", "fal", "together")
    staff = staff_with("billing.view_price", "billing.add_price")
    page = logged_in(staff).get("/admin/billing/price/add/").content.decode()
    assert 'value="fal:training"' in page
    assert 'value="together:training"' not in page
    assert 'value="flux-schnell:draft"' not in page
    form = {"code": "fal:training", "credits": 85}
    assert logged_in(staff).post("/admin/billing/price/add/", form).status_code == 302
    assert prices.training(BASES["fal"]) == 85
