"""Which engine makes a picture: the one asked for, that of the twin's version, or the usual one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import ledger
from billing.engines.models import EngineOffer
from billing.engines.offers import EngineGone
from generation import services
from generation.models import Job
from tests.engines import agree, offer, version_of
from twins.models import Twin

pytestmark = pytest.mark.django_db


@pytest.fixture
def rich(twin: Any, photos: list[Any], settings: Any, wake_ups: list[Any]) -> Any:
    """alice's twin, 50 credits, and engines here and at two companies."""
    offer(settings, "nano", "flux-schnell", "fal", "together")
    ledger.grant(ledger.wallet_of(twin.user), 50, cause="test")
    return twin


@pytest.fixture
def ask(as_alice: Any, rich: Any) -> Callable[..., Any]:
    body = {"prompt": "in a park", "seed": 5}
    return lambda **more: as_alice.post("/api/v1/generations", body | more, format="json")


def engine_of(answer: Any) -> tuple[str, str, str]:
    """(in the recipe, in the row, the queue it waits in)."""
    assert answer.status_code == 202, answer.content
    job = Job.objects.get(id=answer.json()["id"])
    return answer.json()["recipe"]["engine"], job.engine, job.queue


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_pictures_without_a_twin_are_made_where_one_asks_and_need_no_consent(ask: Callable[..., Any]) -> None:
    assert engine_of(ask()) == ("nano", "nano", "render")
    assert engine_of(ask(engine="")) == ("nano", "nano", "render")
    for name in ("fal", "together"):
        assert engine_of(ask(engine=name)) == (name, name, "remote")


def test_a_version_is_rendered_by_the_engine_that_trained_it(ask: Callable[..., Any], rich: Any) -> None:
    version_of(rich, "flux-schnell")
    assert engine_of(ask(twin=str(rich.id))) == ("flux-schnell", "flux-schnell", "render")
    refused = ask(twin=str(rich.id), engine="nano").json()
    assert (refused["code"], list(refused["errors"])) == ("invalid", ["engine"])
    assert "Use: Photographic (FLUX.1 schnell)" in refused["errors"]["engine"][0]


def test_a_lora_goes_to_a_company_by_its_consent_alone(
    ask: Callable[..., Any], rich: Any, as_bob: Any
) -> None:
    version_of(rich, "fal")
    assert code_of(ask(twin=str(rich.id))) == (403, "consent_required")
    assert ask(twin=str(rich.id)).json()["kind"] == "engine_fal"
    agree(rich.user, "engine_fal")
    assert engine_of(ask(twin=str(rich.id))) == ("fal", "fal", "remote")
    asked = {"prompt": "in a park", "twin": str(rich.id)}
    assert as_bob.post("/api/v1/generations", asked, format="json").status_code == 404


def test_a_lora_of_ours_goes_to_together_when_that_is_asked_for(
    ask: Callable[..., Any], rich: Any, settings: Any
) -> None:
    version_of(rich, "flux-schnell")
    asked = {"twin": str(rich.id), "engine": "together"}
    assert code_of(ask(**asked)) == (422, "invalid")  # no public address
    offer(settings, "nano", "flux-schnell", "together", lora_model="m")
    settings.SECURE = True
    assert ask(**asked).json()["kind"] == "engine_together"
    agree(rich.user, "engine_together")
    assert engine_of(ask(**asked)) == ("together", "together", "remote")
    Twin.objects.filter(id=rich.id).update(of_other=True)
    assert code_of(ask(**asked)) == (403, "consent_required")  # that of the person it shows


def test_the_price_and_the_quote_are_those_of_the_engine(
    ask: Callable[..., Any], as_alice: Any, rich: Any
) -> None:
    asked = {"kind": "image", "prompt": "x", "quality": "draft", "count": 2}
    quote = lambda **more: as_alice.post("/api/v1/quote", asked | more, format="json").json()  # noqa: E731
    assert (quote()["credits"], quote(engine="fal")["credits"]) == (1, 2)
    assert ask(engine="fal", quality="draft", count=2).json()["credits"]["held"] == 2
    version_of(rich, "fal")
    assert quote(twin=str(rich.id))["credits"] == 2
    assert quote(twin=str(rich.id), engine="nano")["code"] == "invalid"


def test_a_plan_without_the_engine(ask: Callable[..., Any], rich: Any, as_alice: Any) -> None:
    EngineOffer.objects.create(profile="fal").plans.set(["pro"])
    assert code_of(ask(engine="fal")) == (403, "plan_required")
    agree(rich.user, "engine_fal")
    version_of(rich, "fal")
    assert code_of(ask(twin=str(rich.id))) == (403, "plan_required")
    quote = {"kind": "image", "engine": "fal"}
    assert as_alice.post("/api/v1/quote", quote, format="json").json()["code"] == "plan_required"


def test_an_engine_that_is_gone_is_refused_with_a_sentence(
    ask: Callable[..., Any], rich: Any, as_alice: Any, settings: Any
) -> None:
    agree(rich.user, "engine_fal")
    version_of(rich, "fal")
    with_twin, without = ask(twin=str(rich.id)).json(), ask(engine="fal").json()
    offer(settings, "nano")
    assert code_of(ask(twin=str(rich.id))) == (409, "engine_gone")
    assert code_of(ask(engine="fal")) == (422, "invalid")
    for job in (with_twin, without):
        shown = as_alice.get(f"/api/v1/generations/{job['id']}").json()
        assert shown["recipe"]["engine"] == "fal"
        again = as_alice.post(f"/api/v1/generations/{job['id']}/repeat", {}, format="json")
        assert code_of(again) == (409, "engine_gone")


# ---------------------------------------------------------------- repeated


def test_a_repeated_job_keeps_its_engine(ask: Callable[..., Any], as_alice: Any, rich: Any) -> None:
    again = lambda job, **body: as_alice.post(  # noqa: E731
        f"/api/v1/generations/{job.json()['id']}/repeat", body, format="json"
    )
    first = ask(engine="together")
    assert engine_of(again(first)) == ("together", "together", "remote")
    assert engine_of(again(first, same_seed=False)) == ("together", "together", "remote")
    assert engine_of(again(first, overrides={"engine": "nano"})) == ("nano", "nano", "render")
    agree(rich.user, "engine_fal")
    version_of(rich, "fal")
    of_twin = ask(twin=str(rich.id))
    version_of(rich, "nano")
    assert engine_of(again(of_twin)) == ("fal", "fal", "remote")  # with the same version
    assert engine_of(again(of_twin, same_seed=False)) == ("nano", "nano", "render")  # with the new one


def failed(job: Job) -> Job:
    claimed = Job.claim(job.id)
    assert claimed
    claimed.fail("internal")
    return claimed


def test_staff_run_a_job_again_on_its_engine(
    ask: Callable[..., Any], rich: Any, admin_user: Any, settings: Any
) -> None:
    agree(rich.user, "engine_fal")
    version_of(rich, "fal")
    job = failed(Job.objects.get(id=ask(twin=str(rich.id)).json()["id"]))
    again = services.retry_job(job, actor=admin_user)
    assert (again.engine, again.queue, services.retry_job(job, actor=admin_user)) == ("fal", "remote", again)
    gone = failed(Job.objects.get(id=ask(engine="fal").json()["id"]))
    offer(settings, "nano")
    with pytest.raises(EngineGone):
        services.retry_job(gone, actor=admin_user)


# ---------------------------------------------------------------- withdrawn


def test_withdrawing_a_companys_consent_stops_pictures_of_the_twin_there(
    ask: Callable[..., Any], rich: Any, as_alice: Any
) -> None:
    agree(rich.user, "engine_fal", "engine_together")
    version_of(rich, "fal")
    of_me, of_nobody = ask(twin=str(rich.id)).json(), ask(engine="fal").json()
    as_alice.delete("/api/v1/consents/engine_together")
    assert as_alice.get(f"/api/v1/generations/{of_me['id']}").json()["status"] == "queued"
    as_alice.delete("/api/v1/consents/engine_fal")
    jobs = [as_alice.get(f"/api/v1/generations/{job['id']}").json() for job in (of_me, of_nobody)]
    assert [job["status"] for job in jobs] == ["cancelled", "queued"]
    assert code_of(ask(twin=str(rich.id))) == (403, "consent_required")
