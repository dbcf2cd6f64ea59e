"""The avatar before a training: it is fitted by a worker, corrected by hand, and given to the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import translation

from accounts import consents
from accounts.vault.vault import store
from config import registry, studio
from ml.avatar import traits
from ml.avatar.avatar import Avatar as Drawn
from ml.avatar.avatar import from_facts
from ml.avatar.skin import PLAIN
from tests.twins.avatars import ANA, DrawingEngine, fitted, take
from twins import services
from twins.avatars import fitting
from twins.avatars.models import Avatar
from twins.avatars.sentences import NOTES
from twins.models import Photo, Training, Twin

pytestmark = pytest.mark.django_db
ROSY = replace(PLAIN, skin=0.0, tint=-1.0, chroma=0.2)
OLIVE = replace(PLAIN, skin=0.2, tint=1.0, chroma=1.15)


@pytest.fixture
def real(twin: Twin, photos: list[Photo]) -> Twin:
    """alice's twin with ten real photos."""
    Photo.objects.update(embedder="dlib-resnet-2")
    return twin


@pytest.fixture
def avatar(real: Twin) -> Avatar:
    return fitted(real)


@pytest.fixture
def drawing(photos: list[Photo]) -> DrawingEngine:
    double = DrawingEngine()
    studio.use_engine("nano", double)
    return double


@pytest.fixture
def api(as_alice: Any, twin: Twin) -> Callable[..., Any]:
    """Asks for the avatar, or corrects it."""

    def ask(method: str = "get", body: Any = None, of: str = "", language: str = "en") -> Any:
        where, options = f"/api/v1/twins/{twin.id}/avatar{of}", {"HTTP_ACCEPT_LANGUAGE": language}
        return getattr(as_alice, method)(where, body, format="json", **options)

    return ask


@pytest.fixture
def start(as_alice: Any, twin: Twin) -> Callable[[], Any]:
    return lambda: as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json")


# ---------------------------------------------------------------- the fit


def test_real_photos_are_fitted_by_a_worker_and_the_page_shows_how(
    real: Twin, photos: list[Photo], work: Callable[[], int], api: Callable[..., Any], client: Any
) -> None:
    take(photos, (ANA, 0.0), (ANA, 30.0))
    photos[9].refresh_from_db()
    services.delete_photo(photos[9])
    assert Avatar.objects.count() == 0  # nine are too few
    Photo.objects.create(**_like(photos[8]))
    client.force_login(real.user)
    assert fitting.refresh(real.id)
    assert "is being drawn after your photos" in client.get(f"/twins/{real.id}/").text
    assert api().json()["status"] == "fitting"
    assert api("patch", {"hair": "bob"}).json()["code"] == "avatar_not_ready"
    made = Avatar.objects.get()
    from twins.avatars.tasks import fit_avatar

    fit_avatar(str(made.id))
    shown = api().json()
    assert (shown["status"], shown["traits"]["eyes"]) == ("ready", "green")
    text = client.get(f"/twins/{real.id}/").text
    assert "This is how the built-in engine will draw you" in text
    assert "Drawn avatar by the built-in engine" in text
    assert Avatar.objects.get() == made  # nothing changed, so it is not drawn again


def _like(photo: Photo) -> dict[str, Any]:
    """The columns of one more photo like this."""
    photo.refresh_from_db()
    names = ("user_id", "twin_id", "status", "accepted", "width", "height", "embedding", "yaw")
    return {name: getattr(photo, name) for name in (*names, "embedder", "points", "light")} | {"hash": 99}


def test_drawn_photos_need_no_avatar(
    twin: Twin, photos: list[Photo], api: Callable[..., Any], client: Any
) -> None:
    assert fitting.refresh(twin.id) is None
    assert not api().json()["needed"]
    assert api("post").json()["code"] == "avatar_not_needed"
    client.force_login(twin.user)
    assert "built-in engine will draw you" not in client.get(f"/twins/{twin.id}/").text


@pytest.mark.parametrize(
    "code, shown, words",
    [
        ("avatar_no_front", [(ANA, 35.0)], "No photo shows the face from the front."),
        ("avatar_photos_differ", [(ROSY, 0.0), (OLIVE, 0.0)], "The photos differ too much in colour"),
    ],
)
def test_photos_that_no_avatar_fits_are_told_before_anything_is_charged(
    real: Twin,
    photos: list[Photo],
    code: str,
    shown: Any,
    words: str,
    work: Callable[[], int],
    start: Callable[[], Any],
    api: Callable[..., Any],
    client: Any,
) -> None:
    take(photos, *shown)
    assert api("post").status_code == 202
    work()
    assert (api().json()["status"], api().json()["code"]) == ("refused", code)
    client.force_login(real.user)
    assert words in client.get(f"/twins/{real.id}/").text
    answer = start()
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert not Training.objects.exists()


def test_new_photos_are_fitted_anew_and_corrections_stay(avatar: Avatar, photos: list[Photo]) -> None:
    Avatar.objects.update(corrections={"hair": "bob"})
    Photo.objects.create(**_like(photos[0]))
    again = fitting.refresh(avatar.twin_id)
    assert again is not None
    assert again != avatar
    assert (again.status, again.corrections) == ("queued", {"hair": "bob"})
    assert fitting.refresh(avatar.twin_id) == again


def test_a_fit_that_failed_is_not_repeated_by_itself(real: Twin) -> None:
    failed = fitted(real, status="failed", error_code="internal")
    assert fitting.refresh(real.id) == failed


# ---------------------------------------------------------------- corrections


def test_a_correction_is_kept_drawn_and_can_be_taken_back(avatar: Avatar, api: Callable[..., Any]) -> None:
    before = api(of="/picture")
    answers = [api("patch", {"hair": "wavy", "skin": 0.9, "glasses": "round"}).json() for _twice in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["corrected"] == ["glasses", "hair", "skin"]
    assert answers[0]["traits"] | {"hair": "wavy", "skin": 0.9, "glasses": "round"} == answers[0]["traits"]
    assert api(of="/picture")["ETag"] != before["ETag"]
    assert api("patch", {"hair": None}).json()["traits"]["hair"] == "long"


def test_a_look_at_a_correction_keeps_nothing(avatar: Avatar, api: Callable[..., Any]) -> None:
    plain, looked = api(of="/picture"), api(of="/picture?hair_colour=pink&skin=0.4")
    assert (looked.status_code, looked["Content-Type"]) == (200, "image/jpeg")
    assert looked.getvalue() != plain.getvalue()
    assert api().json()["corrected"] == []
    assert api(of="/picture?skin=dark").json()["code"] == "avatar_out_of_range"


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"hair": "mohawk"}, "avatar_unknown_hair"),
        ({"hair_colour": "green"}, "avatar_unknown_hair_colour"),
        ({"eyes": ["blue"]}, "avatar_unknown_eyes"),
        ({"beard": "long"}, "avatar_unknown_beard"),
        ({"glasses": 3}, "avatar_unknown_glasses"),
        ({"skin": 1.01}, "avatar_out_of_range"),
        ({"skin": "0.5"}, "avatar_out_of_range"),
        ({"skin": True}, "avatar_out_of_range"),
        ({"nose": 0.3}, "avatar_unknown_trait"),
        ([1], "invalid"),
    ],
)
def test_a_wrong_correction_is_refused_and_nothing_is_changed(
    avatar: Avatar, api: Callable[..., Any], wrong: Any, code: str
) -> None:
    body = wrong | {"hair_colour": wrong.get("hair_colour", "red")} if isinstance(wrong, dict) else wrong
    answer = api("patch", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert api().json()["corrected"] == []
    assert api("patch", body, language="es").json()["detail"] != answer.json()["detail"]


def test_nobody_else_corrects_or_sees_it(avatar: Avatar, as_bob: Any, client: Any, bob: Any) -> None:
    where = f"/api/v1/twins/{avatar.twin_id}/avatar"
    answers = [as_bob.get(where), as_bob.post(where), as_bob.patch(where, {"hair": "bob"}, format="json")]
    client.force_login(bob)
    answers += [as_bob.get(f"{where}/picture"), client.get(f"/twins/{avatar.twin_id}/avatar/")]
    answers.append(client.post(f"/twins/{avatar.twin_id}/avatar/correct/", {"hair": "bob"}))
    assert {answer.status_code for answer in answers} == {404}


def test_while_a_training_runs_nothing_is_corrected(
    avatar: Avatar, api: Callable[..., Any], start: Callable[[], Any], drawing: DrawingEngine
) -> None:
    assert start().status_code == 202
    answers = [api("patch", {"hair": "bob"}), api("post")]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(409, "training_in_progress")}


def test_the_form_works_without_javascript(avatar: Avatar, client: Any) -> None:
    client.force_login(avatar.user)
    fields = {"hair": "bob", "was_hair": "long", "skin": "0.30", "was_skin": "0.3", "eyes": "green"}
    answer = client.post(f"/twins/{avatar.twin_id}/avatar/correct/", fields | {"was_eyes": "green"})
    assert answer.url == f"/twins/{avatar.twin_id}/#avatar"
    avatar.refresh_from_db()
    assert avatar.corrections == {"hair": "bob"}
    text = client.get(f"/twins/{avatar.twin_id}/").text
    assert '<option value="bob" selected>' in text
    client.post(f"/twins/{avatar.twin_id}/avatar/correct/", {"skin": "very"})
    client.post(f"/twins/{avatar.twin_id}/avatar/correct/", {"reset": "yes"})
    avatar.refresh_from_db()
    assert avatar.corrections == {}


# ---------------------------------------------------------------- notes


def test_every_note_of_the_fit_is_told_in_three_languages() -> None:
    assert NOTES.keys() == traits.NOTES.keys()
    for code, english in traits.NOTES.items():
        told = set()
        for language in ("en", "es", "zh-hans"):
            with translation.override(language):
                told.add(str(NOTES[code]))
        assert english in told
        assert len(told) == 3


def test_a_covered_head_is_told_on_the_page(real: Twin, client: Any, api: Callable[..., Any]) -> None:
    fitted(real, Drawn(ANA, notes=(traits.COVERED,)))
    client.force_login(real.user)
    assert "Something covers the hair, such as a scarf or a hat" in client.get(f"/twins/{real.id}/").text
    assert [note["code"] for note in api().json()["notes"]] == ["hair_covered"]


# ---------------------------------------------------------------- the training


def test_the_training_draws_the_avatar_as_it_was_corrected(
    avatar: Avatar,
    api: Callable[..., Any],
    start: Callable[[], Any],
    work: Callable[[], int],
    drawing: DrawingEngine,
    as_alice: Any,
    client: Any,
) -> None:
    api("patch", {"hair": "afro", "beard": "goatee"})
    asked = start().json()["avatar"]
    assert (asked["traits"]["hair"], asked["corrected"]) == ("afro", ["beard", "hair"])
    work()
    (given,) = drawing.given
    assert from_facts(given).person == replace(ANA, hair="afro", beard="goatee")
    training = Training.objects.get()
    shown = as_alice.get(f"/api/v1/trainings/{training.id}").json()
    assert (shown["status"], shown["likeness"]) == ("succeeded", None)
    assert shown["avatar"]["traits"]["beard"] == "goatee"
    assert as_alice.get(shown["avatar"]["picture"])["Content-Type"] == "image/jpeg"
    client.force_login(avatar.user)
    text = client.get(f"/twins/{avatar.twin_id}/").text
    assert shown["avatar"]["picture"] in text
    assert "corrected by you" in text


def test_photos_that_came_since_do_not_lose_a_correction(
    avatar: Avatar,
    photos: list[Photo],
    start: Callable[[], Any],
    drawing: DrawingEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker of the training fits the avatar then, and corrects it."""
    from twins.tasks import train_one

    monkeypatch.setattr(fitting, "fit", lambda views, subject: Drawn(ANA))
    Avatar.objects.update(corrections={"hair": "bob"}, photo_ids=[])
    train_one(start().json()["id"])
    assert from_facts(drawing.given[0]).person == replace(ANA, hair="bob")


def test_a_twin_that_does_not_draw_its_avatar_costs_nothing_and_says_so(
    avatar: Avatar, start: Callable[[], Any], work: Callable[[], int], drawing: DrawingEngine
) -> None:
    drawing.likeness = 0.1
    start()
    work()
    training = Training.objects.get()
    assert (training.status, training.error_code, training.captured) == ("failed", "avatar_not_shown", 0)
    assert "resemble its photos" not in training.error_detail
    assert not training.is_avatar


def test_drawn_photos_and_their_twins_are_what_they_were(
    trained: Twin, as_alice: Any, photos: list[Photo]
) -> None:
    shown = as_alice.get(f"/api/v1/trainings/{trained.active_training_id}").json()
    assert (shown["avatar"], shown["likeness"]) == (None, 0.8)


# ---------------------------------------------------------------- other engines


def test_the_way_to_photographs_stands_beside_it(avatar: Avatar, client: Any, settings: Any) -> None:
    from billing.engines.models import EngineOffer
    from billing.models import Plan

    client.force_login(avatar.user)
    page = f"/twins/{avatar.twin_id}/"
    assert "Whoever runs this site can add one" in client.get(page).text
    settings.STUDIO_PROFILES = ["nano", "flux-schnell"]
    assert f'href="{page}?engine=flux-schnell#state"' in client.get(page).text
    EngineOffer.objects.create(profile="flux-schnell").plans.add(Plan.objects.get(code="creator"))
    assert "Other plans have an engine whose pictures look like photographs" in client.get(page).text


# ---------------------------------------------------------------- personal data


def test_a_withdrawn_consent_takes_it_away(
    avatar: Avatar, django_capture_on_commit_callbacks: Any, api: Callable[..., Any]
) -> None:
    files, name = store(avatar.user_id), avatar.file
    assert files.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        consents.withdraw(avatar.user, kind="biometric_twin")
    assert not Avatar.objects.exists()
    assert not files.exists(name)
    assert api().json()["traits"] is None
    assert fitting.refresh(avatar.twin_id) is None


def test_the_archive_has_it_and_its_files_are_known(avatar: Avatar) -> None:
    found = {m.path.split("/", 2)[-1]: m for e in registry.exporters for m in e.members(avatar.user)}
    facts = json.loads(b"".join(found["avatar-traits.json"].chunks or ()))
    assert facts["person"]["hair"] == "long"
    assert avatar.file in {name for known in registry.known_files for name in known(avatar.user_id)}
