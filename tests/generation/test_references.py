"""Jobs that begin from a picture: image-to-image, repairs, enlargements, more like this."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accounts.vault.vault import store
from billing import audit, ledger
from config import studio
from gallery.models import Item
from gallery.shelf import area
from generation.models import Job, mask_file
from ml import media
from ml.errors import MLError
from ml.types import Picture, RenderSpec
from tests.engines import offer
from tests.gallery.pictures import HEIGHT, WIDTH, hang
from tests.studio import EngineDouble

pytestmark = pytest.mark.django_db


@dataclass
class Begins(EngineDouble):
    """Reads what it begins from, and remembers the specs."""

    asked: list[RenderSpec] = field(default_factory=list)

    def render(self, spec: RenderSpec, **more: Any) -> Iterator[Picture]:
        self.asked.append(spec)
        for name in filter(None, (spec.reference, spec.mask)):
            if not more["store"].exists(name):
                raise MLError("reference_gone", "The picture was deleted.")
        yield from super().render(spec, **more)

    def enlarge(self, spec: RenderSpec, *, times: int, store: Any, on_progress: Any) -> Picture:
        self.asked.append(spec)
        data = store.read(spec.reference)
        height, width = media.to_array(data).shape[:2]
        made = Picture(data, spec.prompt, 0, width * times, height * times, None, 0.0, 0.1, 5, "nano")
        return replace(made, faces_restored=1)


@pytest.fixture
def engine() -> Iterator[Begins]:
    double = Begins()
    studio.use_engine("nano", double)  # type: ignore[arg-type]
    yield double
    studio.use_engine("nano", None)


@pytest.fixture
def item(alice: Any, engine: Begins) -> Item:
    return hang(alice)


@pytest.fixture
def of_twin(trained: Any) -> Item:
    return hang(trained.user, twin=trained, training=trained.active_training_id)


def post(client: Any, where: str, key: str = "", **fields: Any) -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(f"/api/v1/{where}", fields, format="json", **headers)


def repair(client: Any, item: Item, **fields: Any) -> Any:
    return post(client, f"items/{item.id}/repairs", **{"prompt": "in a park"} | fields)


def mask(painted: bool = True, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    picture = np.zeros((size[1], size[0]), np.uint8)
    picture[50:90, 100:180] = 255 * painted
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def held(user: Any) -> int:
    return ledger.balance(ledger.wallet_of(user)).held


# ---------------------------------------------------------------- image-to-image


def test_pictures_begin_from_a_picture_and_name_it(
    as_alice: Any, item: Item, engine: Begins, work: Callable[[], int]
) -> None:
    asked = post(as_alice, "generations", prompt="on a beach", reference=str(item.id), style="watercolour")
    recipe = asked.json()["recipe"]
    assert (recipe["reference"], recipe["strength"], recipe["aspect_ratio"]) == (str(item.id), 0.6, "3:2")
    work()
    assert (engine.asked[0].reference, engine.asked[0].strength) == (item.content, 0.6)
    assert engine.asked[0].mask is None
    assert Item.objects.get(original=item).style == "watercolour"
    assert audit.problems() == []


def test_a_wanted_shape_and_strength_are_kept_and_repeated(
    as_alice: Any, item: Item, work: Callable[[], int]
) -> None:
    fields = {"prompt": "on a beach", "reference": str(item.id), "strength": 0.3, "aspect_ratio": "1:1"}
    first = post(as_alice, "generations", **fields).json()
    again = post(as_alice, f"generations/{first['id']}/repeat").json()
    same = ("reference", "strength", "aspect_ratio", "seed")
    assert [again["recipe"][name] for name in same] == [first["recipe"][name] for name in same]


@pytest.mark.parametrize("strength", [0, 1.01, -1, "nan", "much"])
def test_a_strength_out_of_range_is_refused(as_alice: Any, item: Item, strength: Any) -> None:
    answer = post(as_alice, "generations", prompt="x y", reference=str(item.id), strength=strength)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["strength"])
    assert not Job.objects.exists()


def test_a_picture_of_somebody_else_is_not_found(as_bob: Any, bob: Any, item: Item) -> None:
    answer = post(as_bob, "generations", prompt="x y", reference=str(item.id))
    assert (answer.status_code, answer.json()["code"], held(bob)) == (404, "not_found", 0)


def test_a_picture_that_safety_blocks_begins_nothing(as_alice: Any, alice: Any, item: Item) -> None:
    Item.objects.update(safety=0.9)
    codes = [
        post(as_alice, "generations", prompt="x y", reference=str(item.id)).json()["code"],
        repair(as_alice, item, region="eyes").json()["code"],
        post(as_alice, f"items/{item.id}/enlargements", times=2).json()["code"],
    ]
    assert codes == ["reference_not_allowed"] * 3
    assert (held(alice), Job.objects.count()) == (0, 0)


def test_a_restored_picture_may_show_anybody_and_begins_no_new_one(as_alice: Any, item: Item) -> None:
    """It can be edited and enlarged, and stays a restored picture."""
    Item.objects.update(kind="restored")
    edited = post(as_alice, f"items/{item.id}/edits", brightness=5).json()
    assert edited["kind"] == "restored"
    for ident in (item.id, edited["id"]):
        codes = [
            post(as_alice, "generations", prompt="x y", reference=str(ident)).json()["code"],
            post(as_alice, f"items/{ident}/repairs", prompt="x y", region="eyes").json()["code"],
        ]
        assert codes == ["reference_not_allowed"] * 2
    assert post(as_alice, f"items/{item.id}/enlargements", times=2).status_code == 202


def test_an_engine_that_cannot_says_so_before_anything_is_held(
    as_alice: Any, alice: Any, item: Item, settings: Any
) -> None:
    offer(settings, "fal", "nano")
    answer = post(as_alice, "generations", prompt="a lake", reference=str(item.id), engine="fal")
    assert (answer.status_code, answer.json()["code"]) == (422, "engine_without_reference")
    assert held(alice) == 0
    by_itself = post(as_alice, "generations", prompt="a lake", reference=str(item.id))
    assert by_itself.json()["recipe"]["engine"] == "nano"


def test_a_picture_deleted_meanwhile_fails_the_job_and_costs_nothing(
    as_alice: Any, alice: Any, item: Item, work: Callable[[], int]
) -> None:
    job = post(as_alice, "generations", prompt="on a beach", reference=str(item.id)).json()
    as_alice.delete(f"/api/v1/items/{item.id}")
    work()
    ended = as_alice.get(f"/api/v1/generations/{job['id']}").json()
    assert (ended["status"], ended["error"]["code"]) == ("failed", "reference_gone")
    assert ended["credits"]["captured"] == held(alice) == 0
    assert "Nothing was charged" in ended["error"]["detail"]


def test_an_enlarged_picture_says_how_many_faces_were_made_clearer(
    as_alice: Any, alice: Any, client: Any, item: Item, work: Callable[[], int]
) -> None:
    post(as_alice, f"items/{item.id}/enlargements", times=2)
    work()
    made = Item.objects.get(original=item)
    assert made.recipe["faces_restored"] == 1
    client.force_login(alice)
    assert "Faces made clearer" in client.get(f"/gallery/{made.id}/").text
    assert "Faces made clearer" not in client.get(f"/gallery/{item.id}/").text


@pytest.mark.parametrize("what", ["generations", "repairs", "enlargements"])
def test_a_picture_locked_meanwhile_fails_the_job_and_costs_nothing(
    as_alice: Any, alice: Any, item: Item, engine: Begins, work: Callable[[], int], what: str
) -> None:
    asked = {
        "generations": lambda: post(as_alice, "generations", prompt="x", reference=str(item.id)),
        "repairs": lambda: repair(as_alice, item, region="face"),
        "enlargements": lambda: post(as_alice, f"items/{item.id}/enlargements", times=2),
    }[what]()
    assert asked.status_code == 202
    assert area.lock(alice, [item.id]) == 1
    work()
    ended = as_alice.get(f"/api/v1/generations/{asked.json()['id']}").json()
    assert (ended["status"], ended["error"]["code"]) == ("failed", "reference_gone")
    assert ended["credits"]["captured"] == held(alice) == 0
    assert "deleted or locked" in ended["error"]["detail"]
    assert engine.asked == []  # it was not read
    assert not Item.objects.filter(original=item).exists()


def test_a_picture_locked_while_it_is_painted_from_delivers_nothing_more(
    as_alice: Any, alice: Any, item: Item, engine: Begins, work: Callable[[], int]
) -> None:
    job = post(as_alice, "generations", prompt="x", reference=str(item.id), count=2).json()
    engine.on_step = lambda *_: area.lock(alice, [item.id])
    work()
    ended = as_alice.get(f"/api/v1/generations/{job['id']}").json()
    assert (ended["error"]["code"], ended["items"], held(alice)) == ("reference_gone", [], 0)
    assert audit.problems() == []


def test_the_studio_shows_what_it_begins_from(client: Any, alice: Any, item: Item) -> None:
    client.force_login(alice)
    shown = client.get(f"/studio/?reference={item.id}&prompt=a+lake").content.decode()
    assert f'name="reference" value="{item.id}"' in shown
    assert 'name="aspect_ratio" value="3:2" checked' in shown
    sent = {"prompt": "a lake", "reference": str(item.id), "strength": "0.45", "steps": "3"}
    assert client.post("/studio/", sent).status_code == 302
    assert (Job.objects.get().strength, Job.objects.get().steps) == (0.45, 3)
    assert 'name="reference"' not in client.get("/studio/?reference=nonsense").content.decode()


# ---------------------------------------------------------------- repairs


def test_a_region_is_repaired_by_the_twin_that_made_the_picture(
    as_alice: Any, of_twin: Item, engine: Begins, work: Callable[[], int]
) -> None:
    studio.use_engine("nano", engine)  # type: ignore[arg-type]
    answer = repair(as_alice, of_twin, region="mouth", prompt="smiling widely", quality="high")
    assert (answer.status_code, answer.json()["kind"], answer.json()["credits"]["held"]) == (202, "repair", 2)
    work()
    spec = engine.asked[-1]
    assert (spec.region, spec.reference, spec.repairs) == ("mouth", of_twin.content, True)
    assert spec.lora == of_twin.twin.active_training.lora  # type: ignore[union-attr]
    made = Item.objects.get(original=of_twin)
    assert (made.twin, made.recipe["region"]) == (of_twin.twin, "mouth")
    assert Job.objects.get(kind="repair").captured == 2
    assert audit.problems() == []


def test_a_mask_is_kept_in_the_vault_with_the_job(
    as_alice: Any, item: Item, engine: Begins, work: Callable[[], int]
) -> None:
    assert repair(as_alice, item, mask=mask()).status_code == 202
    work()
    job, spec = Job.objects.get(), engine.asked[0]
    assert spec.mask == mask_file(job.mask)  # type: ignore[arg-type]
    kept = media.to_array(store(item.user_id).read(spec.mask))
    assert kept.shape == (HEIGHT, WIDTH, 3)
    assert (kept > 127).any(axis=2).sum() == 40 * 80
    assert list(Job.known_files(item.user_id)) == [spec.mask]


def test_the_same_request_twice_is_one_repair_with_one_mask(as_alice: Any, item: Item) -> None:
    first, again = (repair(as_alice, item, mask=mask(), key="k").json()["id"] for _ in range(2))
    assert first == again
    (name,) = Job.known_files(item.user_id)
    assert store(item.user_id).exists(name)


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"mask": mask(size=(WIDTH, HEIGHT - 1))}, "mask_wrong_size"),
        ({"mask": mask(size=(2000, 2000))}, "mask_wrong_size"),
        ({"mask": mask(painted=False)}, "mask_empty"),
        ({"mask": base64.b64encode(b"no picture").decode()}, "mask_unreadable"),
        ({"mask": "%%%"}, "mask_unreadable"),
        ({}, "invalid"),
        ({"mask": mask(), "region": "eyes"}, "invalid"),
        ({"region": "ears"}, "invalid"),
        ({"region": "eyes", "strength": 2}, "invalid"),
        ({"region": "eyes", "prompt": ""}, "invalid"),
        ({"region": "eyes", "prompt": "naked, in a park"}, "prompt_refused"),
    ],
)
def test_what_cannot_be_repaired_is_refused(
    as_alice: Any, alice: Any, item: Item, fields: dict[str, Any], code: str
) -> None:
    answer = repair(as_alice, item, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (held(alice), Job.objects.count()) == (0, 0)


def test_a_mask_of_a_refused_request_is_not_kept(
    as_alice: Any, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr("generation.references.mask_file", lambda i: kept.append(mask_file(i)) or kept[-1])
    assert repair(as_alice, item, mask=mask(), prompt="naked, in a park").json()["code"] == "prompt_refused"
    assert kept
    assert not any(store(item.user_id).exists(name) for name in kept)


def test_the_page_of_a_repair_works_without_a_script(client: Any, alice: Any, item: Item) -> None:
    client.force_login(alice)
    shown = client.get(f"/studio/pictures/{item.id}/repair/").content.decode()
    assert all(
        f'name="region" value="{name}"' in shown for name in ("eyes", "mouth", "clothes", "background")
    )
    refused = client.post(f"/studio/pictures/{item.id}/repair/", {"prompt": "a hat", "region": ""})
    assert "choose it by its name" in refused.content.decode()
    assert "a hat</textarea>" in refused.content.decode()
    sent = {"prompt": "a hat", "region": "clothes", "strength": "0.7", "quality": "draft", "key": "k"}
    answers = [client.post(f"/studio/pictures/{item.id}/repair/", sent) for _ in range(2)]
    job = Job.objects.get()
    assert [answer["Location"] for answer in answers] == ["/studio/"] * 2
    assert client.get(f"/studio/{job.id}/").status_code == 200


# ---------------------------------------------------------------- print size, more like this


def test_a_picture_is_enlarged_here_whatever_engine_is_usual(
    as_alice: Any, item: Item, settings: Any, work: Callable[[], int]
) -> None:
    offer(settings, "fal", "nano")
    answer = post(as_alice, f"items/{item.id}/enlargements", times=4)
    assert (answer.status_code, answer.json()["credits"]["held"]) == (202, 1)
    work()
    made = Item.objects.get(original=item)
    assert (made.width, made.prompt, made.recipe["times"]) == (4 * WIDTH, "in a park", 4)
    assert Job.objects.get().captured == 1
    assert audit.problems() == []


def test_a_picture_as_large_as_can_be_is_not_enlarged(as_alice: Any, alice: Any, item: Item) -> None:
    Item.objects.update(width=5000, height=5000)
    answer = post(as_alice, f"items/{item.id}/enlargements")
    assert (answer.status_code, answer.json()["code"]) == (422, "print_too_large")
    assert post(as_alice, f"items/{item.id}/enlargements", times=3).json()["code"] == "invalid"
    assert held(alice) == 0


def test_more_like_this_takes_the_recipe_and_seeds_that_were_not_used(
    as_alice: Any, of_twin: Item, work: Callable[[], int]
) -> None:
    first, again = (post(as_alice, f"items/{of_twin.id}/similar", count=2).json()["recipe"] for _ in range(2))
    assert (first["seed"], again["seed"]) == (8, 10)
    assert (first["prompt"], first["quality"], first["twin"]) == ("in a park", "draft", str(of_twin.twin_id))


def test_a_picture_without_a_recipe_has_nothing_like_it(as_alice: Any, item: Item) -> None:
    Item.objects.update(recipe={}, prompt="")
    answer = post(as_alice, f"items/{item.id}/similar")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "kind, fields, credits",
    [("repair", {"quality": "high"}, 2), ("enlarge", {}, 1), ("image", {"strength": 0.5}, 1)],
)
def test_the_price_is_told_before(as_alice: Any, item: Item, kind: str, fields: Any, credits: int) -> None:
    answer = post(as_alice, "quote", kind=kind, **fields)
    assert (answer.status_code, answer.json().get("credits")) == (200, credits)


def test_buttons_of_the_pictures_page_lead_to_the_job(client: Any, alice: Any, item: Item) -> None:
    client.force_login(alice)
    shown = client.get(f"/gallery/{item.id}/").content.decode()
    for verb in ("similar", "enlarge"):
        assert f"/studio/pictures/{item.id}/{verb}/" in shown
        assert client.post(f"/studio/pictures/{item.id}/{verb}/", {"times": "2"}).status_code == 302
    assert sorted(Job.objects.values_list("kind", flat=True)) == ["enlarge", "image"]
