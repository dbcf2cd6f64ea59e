"""Clips by the API: from words, from a picture, what is refused, and what becomes of the credits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts.vault.vault import Vault, store
from billing import audit, ledger
from config.errors import StorageFull
from config.runs.sweeper import sweep_kind
from gallery.exports import gallery
from gallery.faces.models import Face, Measured
from gallery.models import Item
from generation.models import Job
from generation.serializers import frames_of
from generation.sessions import services as sessions
from tests.conftest import client_of
from tests.engines import offer, version_of
from tests.gallery.pictures import hang
from tests.processes import lapse
from tests.studio import EngineDouble

pytestmark = pytest.mark.django_db
PRICE = 15  # of three seconds


@pytest.fixture
def rich(trained: Any) -> Any:
    """alice's twin, and credits for some clips."""
    ledger.grant(ledger.wallet_of(trained.user), 100, cause="test")
    return trained


@pytest.fixture
def picture(rich: Any) -> Item:
    return hang(rich.user, twin=rich, training=rich.active_training_id)


def ask(client: Any, key: str = "", **fields: Any) -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    sent = {"kind": "video", **fields}
    return client.post("/api/v1/generations", sent, format="json", **headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def balance(user: Any) -> tuple[int, int]:
    found = ledger.balance(ledger.wallet_of(user))
    return found.available, found.held


def test_a_clip_is_made_from_words_and_charged_by_the_second(
    as_alice: Any, rich: Any, work: Callable[[], int]
) -> None:
    before = balance(rich.user)[0]
    fields = {"twin": str(rich.id), "prompt": "in a park", "motion": "nod", "duration": 4, "seed": 7}
    quoted = as_alice.post("/api/v1/quote", {"kind": "video", **fields}, format="json").json()
    asked = ask(as_alice, **fields).json()
    assert (quoted, asked["credits"]["held"]) == ({"credits": 20}, 20)
    assert asked["frames"] == {"done": 0, "of": 96}
    work()
    told = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (told["status"], told["credits"]["captured"], told["frames"]) == ("succeeded", 20, None)
    assert {k: told["recipe"][k] for k in ("motion", "action", "duration")} == {
        "motion": "nod",
        "action": "",
        "duration": 4,
    }
    item = as_alice.get(f"/api/v1/items/{told['items'][0]}").json()
    assert (item["kind"], item["media_type"], item["duration"]) == ("video", "video/mp4", 4.0)
    assert (item["likeness"], item["likeness_low"], item["twin"]) == (0.7, 0.7, str(rich.id))
    assert balance(rich.user) == (before - 20, 0)
    assert audit.problems() == []


def test_a_picture_of_the_twin_moves_and_lends_its_words_and_shape(
    as_alice: Any, rich: Any, picture: Item, work: Callable[[], int]
) -> None:
    asked = ask(as_alice, reference=str(picture.id))
    assert (asked.status_code, asked.json()["recipe"]["motion"]) == (202, "smile")
    assert (asked.json()["recipe"]["aspect_ratio"], asked.json()["recipe"]["prompt"]) == ("3:2", "in a park")
    work()
    clip = Item.objects.get(kind="video")
    assert (clip.original, clip.twin, clip.duration) == (picture, rich, 3.0)
    assert (clip.width, clip.height) == (picture.width, picture.height)


def test_what_a_picture_is_a_drawing_of_is_kept_sealed_and_moved(
    as_alice: Any, rich: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    engine.drawing = {"person": {"eyes": "a colour that nobody has"}}
    ask(as_alice, kind="image", twin=str(rich.id), prompt="in a park", count=1)
    work()
    picture = Item.objects.get()
    assert store(rich.user_id).exists(picture.drawing)
    assert picture.drawing in list(Item.known_files(rich.user_id))
    assert [m.path for m in gallery(rich.user) if m.path.endswith(".drawing.json")]
    assert "nobody has" not in as_alice.get(f"/api/v1/items/{picture.id}").content.decode()
    ask(as_alice, reference=str(picture.id))
    work()
    assert engine.drawings_moved == [engine.drawing]
    as_alice.delete(f"/api/v1/items/{picture.id}")
    assert not store(rich.user_id).exists(picture.drawing)


def test_the_progress_names_the_stage_and_the_frame(
    as_alice: Any, rich: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    seen: list[Any] = []

    def look(stage: str, share: float) -> None:
        job = as_alice.get("/api/v1/generations").json()["results"][0]
        seen.append((job["stage"], job["frames"]["done"]))

    engine.on_step = lambda stage, share: look(stage, share) if stage == "encoding" else None
    ask(as_alice, twin=str(rich.id), prompt="in a park")
    work()
    assert seen == [("animating", 0)]  # the double reports faster than progress is written


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"duration": 2}, "duration", "A clip takes 3 to 5 seconds."),
    ({"duration": 9}, "duration", "A clip takes 3 to 5 seconds."),
    ({"duration": "long"}, "duration", "A clip takes 3 to 5 seconds."),
    ({"prompt": ""}, "prompt", "Describe the clip in words, or choose a picture"),
    ({"motion": "fly"}, "motion", "fly"),
    ({"motion": "nod", "action": "nods"}, "action", "not both"),
    ({"action": "x" * 301}, "action", "300"),
]


def test_what_cannot_be_asked_for_is_said_and_costs_nothing(as_alice: Any, alice: Any) -> None:
    for fields, field, words in FAULTS:
        answer = ask(as_alice, **{"prompt": "in a park"} | fields)
        assert code(answer) == (422, "invalid")
        assert words in answer.json()["errors"][field][0]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "A clip takes 3 to 5 seconds."),
        ("es", "Un clip dura de 3 a 5 segundos."),
        ("zh-hans", "短片长 3 到 5 秒。"),
    ],
)
def test_the_page_says_it_too_and_keeps_what_was_written(rich: Any, language: str, words: str) -> None:
    browser = Client(headers={"accept-language": language})
    browser.force_login(rich.user)
    sent = {"twin": str(rich.id), "prompt": "in a blue park", "motion": "nod", "duration": "9"}
    page = browser.post("/studio/videos/", sent).content.decode()
    assert words in page
    assert "in a blue park" in page
    assert not Job.objects.filter(kind="video").exists()


def test_frames_are_counted_from_the_progress_of_the_movement() -> None:
    at = {0.0: 0, 0.15: 0, 0.5: 36, 0.85: 72, 1.0: 72}
    for share, done in at.items():
        job = Job(kind="video", duration=3, status="running", share=share)
        assert frames_of(job) == {"done": done, "of": 72}
    assert frames_of(Job(kind="image", status="running", share=0.5)) is None


def test_words_for_the_movement_are_screened_with_the_prompt(as_alice: Any, rich: Any, settings: Any) -> None:
    offer(settings, "flux-schnell")
    answer = ask(as_alice, prompt="on a beach", action="takes off all her clothes, naked")
    assert code(answer) == (422, "prompt_refused")
    answer = ask(as_alice, prompt="on a beach", action="looks up and laughs")
    assert (answer.status_code, answer.json()["recipe"]["motion"]) == (202, "")


def test_an_engine_moves_only_what_it_can(as_alice: Any, rich: Any, settings: Any) -> None:
    asked = {"twin": str(rich.id), "prompt": "in a park"}
    refused = ask(as_alice, **asked, action="looks up")
    assert code(refused) == (422, "motion_unknown")
    assert "blink, smile, turn the head, nod, moving light" in refused.json()["detail"]
    recipe = ask(as_alice, **asked, action="She smiles and nods").json()["recipe"]
    assert (recipe["motion"], recipe["action"]) == ("", "She smiles and nods")
    offer(settings, "together")
    answer = ask(as_alice, prompt="in a park")
    assert code(answer) == (422, "engine_without_video")
    told = {each["id"]: each for each in as_alice.get("/api/v1/engines").json()}["together"]
    assert (told["video"], told["motions"], told["prices"]["video_second"]) == (False, [], None)


@pytest.mark.parametrize("whose", ["nobody", "restored", "clip", "bob", "unproven"])
def test_only_pictures_of_ones_own_proven_twins_move(
    as_alice: Any, bob: Any, rich: Any, picture: Item, settings: Any, whose: str
) -> None:
    changed: dict[str, dict[str, Any]] = {
        "nobody": {"twin": None},
        "restored": {"kind": "restored"},
        "clip": {"kind": "video"},
        "bob": {"user": bob, "twin": None},
    }
    if whose == "unproven":  # a photorealistic version, whose proof was withdrawn
        offer(settings, "flux-schnell", "nano")
        Item.objects.update(training=version_of(rich, "flux-schnell").id)
    Item.objects.filter(id=picture.id).update(**changed.get(whose, {}))
    expected = {
        "nobody": (422, "picture_without_twin"),
        "restored": (422, "reference_not_allowed"),
        "clip": (422, "reference_not_allowed"),
        "bob": (404, "not_found"),
        "unproven": (403, "verification_required"),
    }
    assert code(ask(as_alice, reference=str(picture.id))) == expected[whose]
    assert balance(rich.user)[1] == 0


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([], (422, "no_face")),
        ([0.3, 0.2], (422, "several_faces")),
        ([0.05], (422, "face_too_small")),
        ([0.3, 0.05], None),
        (None, None),  # nobody looked yet: the worker does
    ],
)
def test_a_picture_whose_faces_are_known_is_refused_at_once(
    as_alice: Any, picture: Item, widths: list[float] | None, expected: tuple[int, str] | None
) -> None:
    of = {"user": picture.user, "item": picture}
    if widths is not None:
        Measured.objects.create(**of, embedders="test")
        for number, width in enumerate(widths):
            place = {"box": [0.1, 0.1, 0.1 + width, 0.5], "points": [0.1] * 10, "score": 1.0, "quality": 1.0}
            Face.objects.create(**of, number=number, **place, kind="image", made_at=picture.created_at)
    before, answer = balance(picture.user), ask(as_alice, reference=str(picture.id))
    if expected is None:
        assert answer.status_code == 202
    else:
        assert (code(answer), balance(picture.user)) == (expected, before)
        assert "Nothing was charged." in answer.json()["detail"]


def test_so_is_one_whose_owner_does_not_search_for_faces(as_alice: Any, picture: Item) -> None:
    Item.objects.filter(id=picture.id).update(face_widths=[0.3, 0.2])
    assert code(ask(as_alice, reference=str(picture.id))) == (422, "several_faces")
    assert balance(picture.user)[1] == 0


def test_strangers_find_neither_twin_nor_album(bob: Any, rich: Any) -> None:
    answer = ask(client_of(bob), twin=str(rich.id), prompt="in a park")
    assert code(answer) == (404, "not_found")


def test_the_same_request_twice_is_one_clip(as_alice: Any, rich: Any, work: Callable[[], int]) -> None:
    asked = {"twin": str(rich.id), "prompt": "in a park"}
    first, second = (ask(as_alice, key="once", **asked).json() for _ in range(2))
    assert first["id"] == second["id"]
    assert code(ask(as_alice, key="once", **asked, duration=5)) == (422, "idempotency_mismatch")
    work()
    assert Item.objects.filter(kind="video").count() == 1


@pytest.mark.parametrize("failure", ["likeness_too_low", "several_faces"])
def test_a_failure_says_what_helps_and_gives_the_credits_back(
    as_alice: Any, picture: Item, engine: EngineDouble, work: Callable[[], int], failure: str
) -> None:
    engine.clip_fails = failure
    before = balance(picture.user)
    asked = ask(as_alice, reference=str(picture.id)).json()
    work()
    told = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", failure)
    assert "Nothing was charged." in told["error"]["detail"]
    assert "20 faces" not in told["error"]["detail"]
    assert balance(picture.user) == before
    assert audit.problems() == []


@pytest.mark.parametrize("at", ["/content", "/thumbnail.webp"])
def test_a_full_disk_fails_the_clip_and_leaves_nothing(
    as_alice: Any, rich: Any, work: Callable[[], int], monkeypatch: Any, at: str
) -> None:
    """The MP4 is encoded in memory, so this is where a disk can be full."""
    write, written = Vault.write, []

    def full(self: Any, name: str, data: bytes) -> None:
        if name.endswith(at):
            raise StorageFull
        write(self, name, data)
        written.append(name)

    before = balance(rich.user)
    asked = ask(as_alice, twin=str(rich.id), prompt="in a park").json()
    monkeypatch.setattr(Vault, "write", full)
    work()
    told = as_alice.get(f"/api/v1/generations/{asked['id']}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", "storage_full")
    assert balance(rich.user) == before
    assert not Item.objects.filter(kind="video").exists()
    assert len(written) == (at == "/thumbnail.webp")  # it comes after the MP4
    assert not any(store(rich.user.id).exists(name) for name in written)


class Killed(BaseException):
    """Ends the worker in the middle, as SIGKILL does: nothing is written any more."""


def test_a_worker_that_is_killed_in_the_middle_gives_one_clip_and_one_charge(
    as_alice: Any,
    rich: Any,
    engine: EngineDouble,
    work: Callable[[], int],
    wake_ups: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    def die(stage: str, share: float) -> None:
        if share == 0.5:
            raise Killed

    engine.on_step = die
    before = balance(rich.user)[0]
    asked = ask(as_alice, twin=str(rich.id), prompt="in a park").json()
    with pytest.raises(Killed):
        work()
    job = Job.objects.get(id=asked["id"])
    assert job.status == "running"
    engine.on_step = lambda stage, share: None
    lapse(job)
    wake_ups.clear()
    with django_capture_on_commit_callbacks(execute=True):
        sweep_kind(Job)
    work()
    job.refresh_from_db()
    assert (job.status, job.captured, job.crashes) == ("succeeded", PRICE, 1)
    assert Item.objects.filter(kind="video").count() == 1
    assert balance(rich.user) == (before - PRICE, 0)
    assert audit.problems() == []


def test_a_cancel_in_the_middle_delivers_nothing(
    as_alice: Any, rich: Any, engine: EngineDouble, work: Callable[[], int]
) -> None:
    asked = ask(as_alice, twin=str(rich.id), prompt="in a park").json()
    where = f"/api/v1/generations/{asked['id']}/cancel"
    engine.on_step = lambda stage, share: as_alice.post(where) if stage == "encoding" else None
    work()
    assert as_alice.get(f"/api/v1/generations/{asked['id']}").json()["status"] == "cancelled"
    assert code(as_alice.post(where)) == (409, "already_finished")
    assert not Item.objects.filter(kind="video").exists()
    assert audit.problems() == []


def test_a_clip_is_repeated_with_changes(as_alice: Any, picture: Item, work: Callable[[], int]) -> None:
    first = ask(as_alice, reference=str(picture.id), motion="turn", duration=5, seed=3).json()
    where = f"/api/v1/generations/{first['id']}/repeat"
    same = as_alice.post(where, {}, format="json").json()
    assert same["recipe"] == first["recipe"]
    other = {"same_seed": False, "overrides": {"motion": "blink", "duration": 3}}
    changed = as_alice.post(where, other, format="json").json()["recipe"]
    assert (changed["motion"], changed["duration"], changed["reference"]) == ("blink", 3, str(picture.id))
    assert code(as_alice.post(where, {"overrides": {"duration": 9}}, format="json")) == (422, "invalid")


def test_a_session_is_repeated_with_its_clips(as_alice: Any, picture: Item) -> None:
    """With another twin too: the clip of a picture shows the twin of the picture."""
    first = ask(as_alice, reference=str(picture.id), motion="turn").json()
    session = sessions.create(picture.user, name="Spring")
    session.jobs.add(first["id"])
    where, sent = f"/api/v1/sessions/{session.id}/repeat", {"twin": str(picture.twin_id)}
    made = as_alice.post(where, sent, format="json").json()
    again = Job.objects.get(sessions=made["id"])
    assert (again.kind, again.motion, again.reference, again.duration) == ("video", "turn", picture.id, 3)


def test_a_clip_of_a_likeness_that_is_not_measured_tells_none(
    as_alice: Any, rich: Any, work: Callable[[], int], monkeypatch: Any
) -> None:
    """Of a twin that shows a drawn avatar, and of nobody in particular."""
    whole = EngineDouble.animate
    unmeasured = {"likeness": None, "likeness_low": None, "avatar_shown": 0.8}
    monkeypatch.setattr(EngineDouble, "animate", lambda *a, **k: replace(whole(*a, **k), **unmeasured))
    asked = ask(as_alice, twin=str(rich.id), prompt="in a park").json()
    work()
    item = as_alice.get(f"/api/v1/items/{Item.objects.get(job=asked['id']).id}").json()
    assert (item["likeness"], item["likeness_low"]) == (None, None)
    assert Job.objects.get(id=asked["id"]).outputs.get().alike == 0.8
