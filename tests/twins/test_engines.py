"""Trainings on engines here and at other companies: what is offered, asked for and free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import consents
from billing import ledger
from billing.engines.models import EngineOffer
from tests.conftest import jpeg
from tests.engines import agree, offer, prove, version_of
from twins import services, terms
from twins.models import Training, Twin
from twins.proof import companies
from twins.serializers import show_training

pytestmark = pytest.mark.django_db


@pytest.fixture
def rich(twin: Any, photos: list[Any], settings: Any) -> Any:
    """alice's twin with photos and a proof, 200 credits, and fal beside the built-in engine."""
    offer(settings, "nano", "fal")
    ledger.grant(ledger.wallet_of(twin.user), 200, cause="test")
    prove(twin, photos)
    return twin


@pytest.fixture
def start(as_alice: Any, rich: Any) -> Callable[..., Any]:
    return lambda **body: as_alice.post(f"/api/v1/twins/{rich.id}/trainings", body, format="json")


def test_a_training_there_asks_for_the_companys_consent_first(
    start: Callable[..., Any], as_alice: Any
) -> None:
    refused = start(base="fal")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_required")
    assert refused.json()["kind"] == "engine_fal"
    form = {"kind": "engine_fal", "version": consents.WORDING["engine_fal"][0]}
    assert as_alice.post("/api/v1/consents", form, format="json").status_code == 201
    begun = start(base="fal").json()
    assert (begun["base"], begun["credits"]["held"], begun["engines"]) == ("fal", 80, [])
    assert start(base="fal").json()["code"] == "training_in_progress"
    training = Training.objects.get()
    assert (training.engine, training.queue, training.free) == ("fal", "remote", False)


def test_it_asks_for_a_proof_as_a_base_of_ours_does(
    start: Callable[..., Any], rich: Any, as_alice: Any
) -> None:
    agree(rich.user, "engine_fal")
    rich.proofs.all().delete()
    assert start(base="fal").json()["code"] == "verification_required"
    assert start(base="nano").status_code == 202


def test_a_stranger_trains_nothing_there(start: Callable[..., Any], rich: Any, as_bob: Any) -> None:
    answer = as_bob.post(f"/api/v1/twins/{rich.id}/trainings", {"base": "fal"}, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize("base", ["together", "flux-schnell", "boat"])
def test_what_is_not_configured_or_trains_nothing_is_not_taken(start: Callable[..., Any], base: str) -> None:
    refused = start(base=base).json()
    assert (refused["code"], list(refused["errors"])) == ("invalid", ["base"])


def test_a_plan_without_the_engine(start: Callable[..., Any], rich: Any, as_alice: Any) -> None:
    agree(rich.user, "engine_fal")
    EngineOffer.objects.create(profile="fal").plans.set(["pro"])
    assert (start(base="fal").status_code, start(base="fal").json()["code"]) == (403, "plan_required")
    asked = {"kind": "training", "twin": str(rich.id)}
    assert as_alice.post("/api/v1/quote", asked, format="json").json() == {"credits": 0}
    assert start().json()["base"] == "nano"


def test_the_free_training_is_not_for_another_companys_engine_unless_the_operator_says_so(
    rich: Any, as_alice: Any
) -> None:
    asked = {"kind": "training", "twin": str(rich.id)}
    quote = lambda **more: as_alice.post("/api/v1/quote", asked | more, format="json").json()  # noqa: E731
    assert (quote(base="fal"), quote(base="nano"), quote()) == (
        {"credits": 80},
        {"credits": 0},
        {"credits": 0},
    )
    EngineOffer.objects.create(profile="fal", free_first=True)
    EngineOffer.objects.create(profile="nano", free_first=False)
    assert (quote(base="fal"), quote(base="nano")) == ({"credits": 0}, {"credits": 20})
    assert quote(base="together")["code"] == "invalid"


def test_a_training_that_is_paid_for_leaves_the_free_one(start: Callable[..., Any], rich: Any) -> None:
    agree(rich.user, "engine_fal")
    Training.objects.get(id=start(base="fal").json()["id"]).cancel()
    assert start(base="nano").json()["credits"]["held"] == 0


def test_a_twin_of_somebody_else_stays_here(start: Callable[..., Any], rich: Any) -> None:
    agree(rich.user, "engine_fal")
    version = version_of(rich, "fal")
    assert show_training(version)["engines"] == ["fal"]
    Twin.objects.filter(id=rich.id).update(of_other=True)
    rich.refresh_from_db()
    assert not companies.allows(rich, terms.get_base("fal"))
    with pytest.raises(consents.ConsentRequired, match="our own machines only") as e:
        companies.require(rich, terms.get_base("fal"))
    assert e.value.extra == {"kind": "engine_fal"}
    assert show_training(Training.objects.get(id=version.id))["engines"] == []


def test_withdrawing_a_companys_consent_stops_what_is_under_way_there_alone(
    start: Callable[..., Any], rich: Any, as_alice: Any, bob: Any, wake_ups: list[Any]
) -> None:
    agree(rich.user, "engine_fal")
    there = Training.objects.get(id=start(base="fal").json()["id"])
    own = Twin.objects.create(user=rich.user, name="Other")
    here = Training.objects.create(user=rich.user, twin=own, base="nano", engine="nano", number=1)
    bobs = Twin.objects.create(user=bob, name="Bob")
    his = Training.objects.create(user=bob, twin=bobs, base="fal", engine="fal", number=1)
    assert as_alice.delete("/api/v1/consents/engine_fal").status_code == 204
    for run, status in ((there, "cancelled"), (here, "queued"), (his, "queued")):
        run.refresh_from_db()
        assert run.status == status
    assert ledger.balance(ledger.wallet_of(rich.user)).held == 0
    assert as_alice.delete("/api/v1/consents/engine_fal").status_code == 404
    assert start(base="fal").json()["code"] == "consent_required"


def test_a_version_of_an_engine_that_is_gone_is_shown_and_not_activated(
    rich: Any, as_alice: Any, settings: Any
) -> None:
    old, new = version_of(rich, "fal"), version_of(rich, "nano")
    listed = as_alice.get(f"/api/v1/twins/{rich.id}/trainings").json()["results"]
    assert [each["engines"] for each in listed] == [["nano"], ["fal"]]
    offer(settings, "nano")
    assert as_alice.get(f"/api/v1/trainings/{old.id}").json()["engines"] == []
    refused = as_alice.post(f"/api/v1/trainings/{old.id}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, "engine_gone")
    assert "Photographic (fal.ai)" in refused.json()["detail"]
    assert as_alice.post(f"/api/v1/trainings/{new.id}/activate").status_code == 200


def test_staff_repeat_a_training_on_its_own_engine(
    start: Callable[..., Any], rich: Any, admin_user: Any, settings: Any, wake_ups: list[Any]
) -> None:
    agree(rich.user, "engine_fal")
    failed = Training.claim(start(base="fal").json()["id"])
    assert failed
    failed.fail("internal")
    EngineOffer.objects.create(profile="fal").plans.set(["pro"])  # the plan does not matter to staff
    again = services.retry_training(failed, actor=admin_user)
    assert (again.base, again.engine, again.price, again.free) == ("fal", "fal", 0, False)
    assert services.retry_training(failed, actor=admin_user) == again
    again.stop()
    Training.objects.filter(id=again.id).delete()
    offer(settings, "nano")
    with pytest.raises(terms.offers.EngineGone):
        services.retry_training(failed, actor=admin_user)


# ---------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Any) -> str:
    for i in range(10):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(i * 9))
    return str(tmp_path)


def test_the_command_offers_the_engines_that_train_here(
    consented: Any, settings: Any, folder: str, capsys: Any
) -> None:
    offer(settings, "nano", "fal", "together")
    call_command("createtwin", folder, user=consented.email, base="fal", dry_run=True)
    assert "price of the training: 80 credits" in capsys.readouterr().out
    for base in ("together", "flux-schnell"):
        with pytest.raises(CommandError, match="invalid choice"):
            call_command("createtwin", folder, "--base", base, user=consented.email, dry_run=True)


def test_the_command_asks_for_the_companys_consent(
    consented: Any, settings: Any, folder: str, judge: Any, engine: Any, wake_ups: list[Any]
) -> None:
    offer(settings, "nano", "fal")
    with pytest.raises(CommandError, match="consent_required"):
        call_command("createtwin", folder, "--base", "fal", user=consented.email)
