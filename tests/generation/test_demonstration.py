"""The demonstration person: free drafts before anything is uploaded, and nobody's twin."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing import audit, ledger
from billing.limits import DRAFTS_A_DAY, DemonstrationLimit
from generation import services
from generation.models import Job
from ml import demonstration
from ml.catalogue import BASES
from tests.conftest import unconfirmed
from tests.gallery.pictures import hang
from tests.studio import EngineDouble, lora_in
from twins.demonstration import DEMONSTRATION
from twins.models import Twin

WORDS = "smiling, in a park"


@pytest.fixture(autouse=True)
def _made(request: pytest.FixtureRequest) -> None:
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        request.getfixturevalue("engine")


def ask(client: Any, **fields: Any) -> Any:
    asked = {"twin": str(DEMONSTRATION), "prompt": WORDS, "seed": 7, **fields}
    return client.post("/api/v1/generations", asked, format="json")


def drafts(user: Any, count: int) -> Job:
    return services.request_images(
        user, twin=None, prompt=WORDS, count=count, demonstration=True, quality="draft"
    )


def test_what_ships_fits_the_base_that_ships() -> None:
    """Where this fails after new weights: python -m bench.landing --fresh."""
    assert demonstration.fits(BASES["nano"])
    assert not demonstration.fits(BASES["flux-schnell"])
    assert demonstration.FILE.stat().st_size < 1_000_000


def test_its_lora_lies_in_a_store_beside_the_users_own_files(tmp_path: Any) -> None:
    from ml.local.weights import FolderStore
    from ml.lorafile import checksum

    files = demonstration.WithDemonstration(FolderStore(tmp_path))
    files.write("mine", b"x")
    assert checksum(files.read(demonstration.NAME)) == demonstration.sha256()
    assert files.read("mine") == b"x"
    assert files.exists(demonstration.NAME)
    files.delete("mine")
    assert not files.exists("mine")


def test_a_newcomer_makes_free_drafts_at_once(as_alice: Any, alice: Any, work: Callable[[], int]) -> None:
    unconfirmed(alice)
    told = as_alice.get("/api/v1/twins/demonstration").json()
    assert (told["id"], told["demonstration"], told["left"]) == (str(DEMONSTRATION), True, DRAFTS_A_DAY)
    asked = ask(as_alice, count=2).json()
    assert (asked["credits"]["held"], asked["demonstration"]) == (0, True)
    assert asked["recipe"]["quality"] == "draft"
    work()
    job = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (job["status"], job["credits"]["captured"], len(job["items"])) == ("succeeded", 0, 2)
    item = as_alice.get(f"/api/v1/items/{job['items'][0]}").json()
    assert (item["demonstration"], item["twin"], item["recipe"]["twin"]) == (True, None, str(DEMONSTRATION))
    picture = b"".join(as_alice.get(f"/api/v1/items/{item['id']}/content"))
    assert lora_in(picture).hex() == demonstration.sha256()[:60]
    assert as_alice.get("/api/v1/twins/demonstration").json()["left"] == DRAFTS_A_DAY - 2
    assert audit.problems() == []


@pytest.mark.parametrize(
    "fields", [{"quality": "high"}, {"steps": 20}, {"engine": "nano", "quality": "standard"}]
)
def test_anything_but_drafts_is_refused(as_alice: Any, fields: dict[str, Any]) -> None:
    answer = ask(as_alice, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "demonstration_drafts")
    assert not Job.objects.exists()


def test_refused_beyond_the_day_and_again_the_next(as_alice: Any, alice: Any, wake_ups: Any) -> None:
    for count in (8, DRAFTS_A_DAY - 8):
        assert ask(as_alice, count=count).status_code == 202
        Job.objects.update(status="succeeded")
    answer = ask(as_alice, count=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "demonstration_limit")
    assert f"{DRAFTS_A_DAY} drafts" in answer.json()["detail"]
    assert answer.json()["left"] == 0
    first = Job.objects.order_by("created_at")[0]
    Job.objects.filter(id=first.id).update(created_at=first.created_at - timedelta(days=1))
    assert ask(as_alice, count=8).status_code == 202


def test_the_same_request_twice_is_one(as_alice: Any, wake_ups: Any) -> None:
    body = {"twin": str(DEMONSTRATION), "prompt": WORDS}
    sent = [
        as_alice.post("/api/v1/generations", body, format="json", HTTP_IDEMPOTENCY_KEY="k").json()["id"]
        for _ in range(2)
    ]
    assert sent[0] == sent[1]
    assert Job.objects.count() == 1


def test_it_is_nobodys(as_alice: Any, trained: Any) -> None:
    """Whatever is done to a twin does not find it, and it is in no list of twins."""
    ident = str(DEMONSTRATION)
    tries = [
        as_alice.get(f"/api/v1/twins/{ident}"),
        as_alice.patch(f"/api/v1/twins/{ident}", {"name": "x"}, format="json"),
        as_alice.delete(f"/api/v1/twins/{ident}"),
        as_alice.post(f"/api/v1/twins/{ident}/trainings", {}, format="json"),
        as_alice.get(f"/api/v1/twins/{ident}/photos"),
        as_alice.post("/api/v1/generations", {"kind": "video", "twin": ident, "prompt": "x"}, format="json"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in tries] == [(404, "not_found")] * len(tries)
    assert [twin["id"] for twin in as_alice.get("/api/v1/twins").json()["results"]] == [str(trained.id)]
    assert not Twin.objects.filter(id=DEMONSTRATION).exists()


def test_where_its_engine_is_not_offered_it_is_not_there(as_alice: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["flux-schnell"]
    assert as_alice.get("/api/v1/twins/demonstration").status_code == 404
    assert ask(as_alice).status_code == 404


def test_what_is_made_of_its_pictures_says_so_too(as_alice: Any, alice: Any, work: Callable[[], int]) -> None:
    job = ask(as_alice, count=1).json()
    work()
    item = as_alice.get(f"/api/v1/generations/{job['id']}").json()["items"][0]
    similar = as_alice.post(f"/api/v1/items/{item}/similar", {"count": 1}, format="json").json()
    again = as_alice.post(f"/api/v1/generations/{job['id']}/repeat", {}, format="json").json()
    assert [(made["demonstration"], made["credits"]["held"]) for made in (similar, again)] == [(True, 0)] * 2
    shown = hang(alice, demonstration=True)
    edited = as_alice.post(f"/api/v1/items/{shown.id}/edits", {"flip": "horizontal"}, format="json").json()
    assert edited["demonstration"] is True
    refused = as_alice.post(f"/api/v1/items/{edited['id']}/publish", {"author": "Me"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "demonstration_picture")


def test_a_twin_of_ones_own_takes_its_place(as_alice: Any, trained: Any, wake_ups: Any) -> None:
    """The same request again, of one's twin, has its usual price; and the other way round it is free."""
    job = ask(as_alice, count=1).json()
    change = {"overrides": {"twin": str(trained.id), "quality": "standard"}}
    mine = as_alice.post(f"/api/v1/generations/{job['id']}/repeat", change, format="json").json()
    assert (mine["demonstration"], mine["credits"]["held"]) == (False, 1)
    back = {"overrides": {"twin": str(DEMONSTRATION)}}
    free = as_alice.post(f"/api/v1/generations/{mine['id']}/repeat", back, format="json").json()
    assert (free["demonstration"], free["credits"]["held"]) == (True, 0)


def test_the_price_is_told_before(as_alice: Any) -> None:
    asked = {"kind": "image", "twin": str(DEMONSTRATION), "count": 4}
    assert as_alice.post("/api/v1/quote", asked, format="json").json()["credits"] == 0


def test_the_first_pages_offer_it(client: Any, alice: Any, wake_ups: Any) -> None:
    client.force_login(unconfirmed(alice))
    link = f'href="/studio/?twin={DEMONSTRATION}"'
    assert all(link in client.get(page).content.decode() for page in ("/twins/", "/twins/new/"))
    ledger.take_back(ledger.wallet_of(alice), 3, cause="test")
    studio = client.get("/studio/").content.decode()
    assert f"{DRAFTS_A_DAY} of {DRAFTS_A_DAY} free drafts" in studio
    assert '<button class="btn big wide" id="create" data-one' in studio  # though there are no credits
    assert "data-example" in studio  # one press makes the first picture
    sent = {"twin": str(DEMONSTRATION), "prompt": WORDS, "quality": "high", "count": "2", "steps": "50"}
    assert client.post("/studio/", sent).status_code == 302
    assert "data-example" not in client.get("/studio/").content.decode()
    job = Job.objects.get()
    assert (job.demonstration, job.quality, job.steps, job.longest) == (True, "draft", None, 512)
    assert "Demonstration person" in client.get("/studio/").content.decode()


def test_with_a_twin_of_ones_own_it_steps_back(client: Any, alice: Any, trained: Any) -> None:
    client.force_login(alice)
    assert "free drafts" not in client.get("/studio/").content.decode()
    assert "free drafts" in client.get(f"/studio/?twin={DEMONSTRATION}").content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_once_one_passes_the_limit(alice: Any, wake_ups: Any) -> None:
    def one(_n: int) -> str:
        try:
            drafts(alice, 7)
            return "made"
        except DemonstrationLimit:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == ["made", "refused"]


def test_it_fits_the_real_engine() -> None:
    """Her LoRA loads on the base that ships: checked by its tensors' names and shapes, without a picture."""
    from ml.local import lora
    from ml.local.loading import load_pipeline
    from ml.local.weights import check_lora, parse

    tensors, facts = parse(demonstration.FILE.read_bytes(), demonstration.sha256())
    pipe = load_pipeline(BASES["nano"], "cpu")
    check_lora(tensors, facts, BASES["nano"], lora.expected_shapes(pipe.transformer, BASES["nano"]))


def test_what_fails_uses_up_nothing(as_alice: Any, engine: EngineDouble, work: Callable[[], int]) -> None:
    engine.refuse = lambda spec: True
    ask(as_alice, count=8)
    work()
    assert as_alice.get("/api/v1/twins/demonstration").json()["left"] == DRAFTS_A_DAY


def test_the_gallery_filters_by_it_as_by_a_twin(client: Any, as_alice: Any, alice: Any, bob: Any) -> None:
    hang(alice)
    client.force_login(alice)
    assert "Demonstration person" not in client.get("/gallery/").text
    shown = hang(alice, demonstration=True)
    hang(bob, demonstration=True)
    found = as_alice.get(f"/api/v1/items?twin={DEMONSTRATION}").json()["results"]
    assert [item["id"] for item in found] == [str(shown.id)]
    page = client.get(f"/gallery/?twin={DEMONSTRATION}").text
    assert f'<option value="{DEMONSTRATION}" selected>Demonstration person</option>' in page
    assert page.count("<li data-w") == 1
