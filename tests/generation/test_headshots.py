"""Orders of headshots: one job and one price for all pictures of a pack, and its contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Export
from billing import audit, ledger
from gallery.models import Item
from generation import schedule, tasks
from generation.models import Job, Output
from generation.packs import services, sheet
from generation.packs.models import Pack, Preset
from ml.types import RenderSpec
from tests.engines import version_of
from tests.orders import with_weights
from tests.studio import EngineDouble
from twins.models import Twin

pytestmark = pytest.mark.django_db
ORDERS = "/api/v1/generations"


@pytest.fixture
def rich(twin: Twin, engine: EngineDouble, wake_ups: list[Any]) -> Twin:
    return with_weights(twin)


def asked(twin: Twin, **more: Any) -> dict[str, Any]:
    return {"kind": "headshots", "twin": str(twin.id), "pack": "office", "count": 8} | more


def ordered(as_alice: Any, twin: Twin, **more: Any) -> Job:
    answer = as_alice.post(ORDERS, asked(twin, **more), format="json")
    assert answer.status_code == 202, answer.json()
    return Job.objects.get(id=answer.json()["id"])


def refused(as_alice: Any, twin: Twin, **more: Any) -> str:
    """The code of a refusal, which charges nothing."""
    before = ledger.balance(ledger.wallet_of(twin.user))
    answer = as_alice.post(ORDERS, asked(twin, **more), format="json")
    assert ledger.balance(ledger.wallet_of(twin.user)) == before
    assert not Job.objects.exists()
    return str(answer.json()["code"])


def test_an_order_is_one_job_at_one_price_with_a_prompt_for_each_picture(
    as_alice: Any, rich: Twin, work: Callable[[], int]
) -> None:
    job = ordered(as_alice, rich)
    assert (job.kind, job.count, job.price, len(set(job.shots))) == ("headshots", 8, 8, 8)
    work()
    job.refresh_from_db()
    assert (job.status, job.captured, job.outputs.count()) == ("succeeded", 8, 8)
    items = Item.objects.filter(job=job.id).order_by("index")
    assert [item.prompt for item in items] == job.shots
    assert audit.problems() == []


def test_a_picture_of_an_order_is_repeated_alone_by_its_recipe(
    as_alice: Any, rich: Twin, work: Callable[[], int]
) -> None:
    job = ordered(as_alice, rich, pack="black-and-white")
    work()
    recipe = Item.objects.get(job=job.id, index=3).recipe
    assert (recipe["kind"], recipe["prompt"], recipe["count"]) == ("image", job.shots[3], 1)
    assert (recipe["seed"], recipe["style"]) == (job.seed + 3, "noir")
    assert (
        as_alice.post(
            ORDERS,
            {k: v for k, v in recipe.items() if v not in (None, "") and k != "training"},
            format="json",
        ).status_code
        == 202
    )


def test_the_quote_is_the_price(as_alice: Any, rich: Twin) -> None:
    body = asked(rich, count=40, quality="high")
    assert as_alice.post("/api/v1/quote", body, format="json").json() == {"credits": 80}
    assert (
        as_alice.post("/api/v1/quote", body | {"pack": "none"}, format="json").json()["code"] == "pack_gone"
    )


def test_chosen_presets_are_used_and_of_the_other_kinds_all(as_alice: Any, rich: Twin) -> None:
    job = ordered(as_alice, rich, presets=["library", "black-suit", "blue-suit"])
    assert all("in a library" in shot and "suit and tie" in shot for shot in job.shots)
    assert set(job.presets) == {"library", "black-suit", "blue-suit", "soft", "window", "side"}
    assert as_alice.get(f"{ORDERS}/{job.id}").json()["recipe"]["pack"] == "office"


def test_what_staff_change_later_does_not_change_an_order(
    as_alice: Any, rich: Twin, work: Callable[[], int]
) -> None:
    job = ordered(as_alice, rich)
    Preset.objects.all().delete()
    Pack.objects.all().delete()
    work()
    job.refresh_from_db()
    assert (job.status, job.pack) == ("succeeded", None)
    assert as_alice.get(f"/headshots/orders/{job.id}/").status_code in (200, 302)
    assert as_alice.post(f"{ORDERS}/{job.id}/repeat", {}, format="json").json()["code"] == "pack_gone"


def test_a_count_out_of_range_is_refused(as_alice: Any, rich: Twin) -> None:
    assert {refused(as_alice, rich, count=count) for count in (7, 41, 0, "many")} == {"invalid"}


def test_the_studio_names_a_pack_in_the_language_of_the_page(as_alice: Any, rich: Twin) -> None:
    from django.test import Client

    job, page = ordered(as_alice, rich), Client()
    page.force_login(rich.user)
    assert job.pack is not None
    for language, name in (("en", job.pack.name), ("es", job.pack.name_es), ("zh-hans", job.pack.name_zh)):
        page.cookies["django_language"] = language
        assert f'<p class="said" title="{name}">{name}</p>' in page.get("/studio/").text
    job.pack.delete()
    assert f'title="{job.prompt}"' in page.get("/studio/").text


def test_a_pack_or_preset_that_is_gone_is_refused(as_alice: Any, rich: Twin) -> None:
    Preset.objects.get(code="library").delete()
    Preset.objects.filter(code="side").update(enabled=False)
    Pack.objects.filter(code="studio").update(enabled=False)
    assert refused(as_alice, rich, presets=["library"]) == "preset_gone"
    assert refused(as_alice, rich, presets=["side"]) == "preset_gone"
    assert refused(as_alice, rich, presets=["hoodie"]) == "preset_gone"  # of another pack
    assert refused(as_alice, rich, pack="studio") == "pack_gone"


def test_a_pack_whose_words_the_engine_lacks_is_refused_without_naming_them(
    as_alice: Any, rich: Twin
) -> None:
    Preset.objects.filter(kind="attire").update(words="wearing velvet", simple_words="")
    assert refused(as_alice, rich) == "pack_unfit"
    answer = as_alice.post(ORDERS, asked(rich), format="json").json()
    assert "velvet" not in answer["detail"]
    assert as_alice.get("/api/v1/packs").json() == []


def test_other_refusals_charge_nothing(
    as_alice: Any, as_bob: Any, twin: Twin, engine: EngineDouble, wake_ups: list[Any]
) -> None:
    trained = with_weights(twin, credits=0)
    assert refused(as_alice, trained) == "not_enough_credits"  # 3 of 8
    assert as_bob.post(ORDERS, asked(trained), format="json").status_code == 404
    assert as_alice.post(ORDERS, asked(trained) | {"twin": None}, format="json").json()["code"] == "invalid"
    Twin.objects.update(active_training=None)
    assert refused(as_alice, trained) == "twin_not_trained"
    as_alice.delete("/api/v1/consents/biometric_twin")
    assert refused(as_alice, trained) == "consent_required"


def test_the_same_order_sent_twice_is_one_even_after_the_pack_is_gone(as_alice: Any, rich: Twin) -> None:
    key = {"Idempotency-Key": "k"}
    first = as_alice.post(ORDERS, asked(rich), format="json", headers=key).json()
    Pack.objects.all().delete()
    assert as_alice.post(ORDERS, asked(rich), format="json", headers=key).json()["id"] == first["id"]
    assert as_alice.post(ORDERS, asked(rich, count=9), format="json", headers=key).status_code == 422


def test_a_whole_pack_again_with_another_twin(as_alice: Any, rich: Twin, work: Callable[[], int]) -> None:
    job = ordered(as_alice, rich, presets=["library"])
    other = Twin.objects.create(user=rich.user, name="Other")
    version_of(other, "nano")
    ledger.wallet_of(rich.user).plan.__class__.objects.filter(code="free").update(twins=2)
    again = as_alice.post(
        f"{ORDERS}/{job.id}/repeat", {"overrides": {"twin": str(other.id)}, "same_seed": False}, format="json"
    )
    assert again.status_code == 202, again.json()
    made = Job.objects.get(id=again.json()["id"])
    assert (made.twin, made.shots, made.repeats) == (other, job.shots, job)
    assert made.seed != job.seed


def test_a_long_order_gives_way_to_others_who_wait(
    as_alice: Any, rich: Twin, bob: Any, work: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, made = ordered(as_alice, rich, count=20), []
    other = Job.objects.create(user=bob, prompt="in a park", of_twin=False, seed=1, engine="nano")
    known = tasks.deliver
    monkeypatch.setattr(schedule, "PATIENCE", 0.0)  # seconds: else the loaded twin goes on for a while
    monkeypatch.setattr(tasks, "deliver", lambda run, *rest: (made.append(run.id), known(run, *rest)))
    tasks.render(str(job.id))
    tasks.render(str(job.id))
    assert [each == other.id for each in made] == [False] * 8 + [True]
    work()
    job.refresh_from_db()
    assert (job.status, job.outputs.count(), job.crashes) == ("succeeded", 20, 0)


# ---------------------------------------------------------------- the contact sheet


@pytest.fixture
def done(as_alice: Any, rich: Twin, work: Callable[[], int]) -> Job:
    """Pictures 0 to 7: 0 has no face, 1 is the most alike and blurred, 2 is not recognised, the others get
    better with their number."""
    job = ordered(as_alice, rich)
    work()
    for index, (alike, sharp, known) in enumerate(
        [
            (None, None, True),
            (0.95, 0.05, True),
            (0.99, 0.3, False),
            *((i / 10, 0.3, True) for i in range(3, 8)),
        ]
    ):
        Output.objects.filter(job=job, index=index).update(alike=alike, sharpness=sharp, recognised=known)
    return job


def test_the_sheet_sorts_by_likeness_and_sharpness(as_alice: Any, done: Job) -> None:
    found = as_alice.get(f"{ORDERS}/{done.id}/sheet").json()
    assert [shot["index"] for shot in found] == [7, 6, 5, 4, 3, 1, 0, 2]
    assert [shot["rank"] for shot in found] == list(range(1, 9))


def test_the_best_become_favourites_and_twice_changes_nothing(as_alice: Any, done: Job) -> None:
    for _ in range(2):
        kept = as_alice.post(f"{ORDERS}/{done.id}/keep", {"best": 3}, format="json").json()["items"]
        best = [str(shot.item.id) for shot in sheet.sheet(done)[:3]]
        assert kept == best
        assert {str(i) for i in Item.objects.filter(favourite=True).values_list("id", flat=True)} == set(best)
    assert as_alice.post(f"{ORDERS}/{done.id}/keep", {"best": 0}, format="json").status_code == 422


def test_what_was_measured_is_stored(as_alice: Any, rich: Twin, work: Callable[[], int]) -> None:
    job = ordered(as_alice, rich)
    work()
    assert set(job.outputs.values_list("alike", "sharpness")) == {(0.7, None)}  # the double measures no faces


def test_the_pages_of_an_order(client: Any, done: Job, rich: Twin) -> None:
    client.force_login(rich.user)
    where = f"/headshots/orders/{done.id}/act/"
    text = client.get(f"/headshots/orders/{done.id}/").content.decode()
    assert text.count('class="shot"') == 8
    assert "Keep the best" in text
    client.post(where, {"keep": "3"})
    client.post(where, {"favourite": str(sheet.sheet(done)[7].item.id)})
    assert Item.objects.filter(favourite=True).count() == 4
    client.post(where, {"remove": "1"})
    assert Item.objects.filter(job=done.id).count() == 4
    client.post(where, {"download": "all"})
    assert len(Export.objects.get().chosen["ids"]) == 4
    assert client.post(where, {"nothing": "1"}).status_code == 404
    assert client.get(f"/studio/{done.id}/")["Location"] == f"/headshots/orders/{done.id}/"


def test_an_order_from_the_page_twice_is_one_and_lands_in_its_session(client: Any, rich: Twin) -> None:
    client.force_login(rich.user)
    assert "Meeting room" in client.get("/headshots/office/").content.decode()
    form = {"twin": str(rich.id), "count": "8", "preset": ["library"], "key": "page", "session": "Spring"}
    answers = [client.post("/headshots/office/", form) for _ in range(2)]
    job = Job.objects.get()
    assert {answer["Location"] for answer in answers} == {f"/headshots/orders/{job.id}/"}
    assert job.sessions.get().name == "Spring"
    assert "Office" in client.get("/headshots/").content.decode()
    assert "Contact sheet" in client.get("/studio/").content.decode()
    assert client.get("/headshots/none/").status_code == 404


def test_without_a_trained_twin_the_page_says_so(client: Any, alice: Any) -> None:
    client.force_login(alice)
    for page in ("/headshots/", "/headshots/office/"):
        assert "Make my twin" in client.get(page).content.decode()


def test_refused_pictures_are_left_out_of_the_price(
    as_alice: Any, rich: Twin, engine: EngineDouble, work: Callable[[], int]
) -> None:
    job = ordered(as_alice, rich)
    engine.refuse = lambda spec: isinstance(spec, RenderSpec) and spec.seed == job.seed + 2
    work()
    job.refresh_from_db()
    assert (job.status, job.outputs.count(), job.captured) == ("succeeded", 7, 7)
    assert services.LEAST == 8
