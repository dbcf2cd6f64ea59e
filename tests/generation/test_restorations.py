"""Restorations by the API and the pages, with a double in place of the engine."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.vault.vault import store
from billing import audit, ledger
from generation.models import Job
from generation.restorations.models import Restoration
from tests.conftest import client_of, jpeg, person
from tests.restoring import RestorerDouble, restoration_of

pytestmark = pytest.mark.django_db
HERE = "/api/v1/restorations"


@pytest.fixture(autouse=True)
def _no_uploads_yet() -> None:
    caches["redis"].clear()


@pytest.fixture
def restorer() -> Iterator[RestorerDouble]:
    from config import studio

    double = RestorerDouble()
    studio.use_engine("nano", double)
    yield double
    studio.use_engine("nano", None)


def send(client: Any, data: bytes | None = None, *, query: str = "", key: str = "", **fields: Any) -> Any:
    file = SimpleUploadedFile("face.jpg", jpeg(30) if data is None else data)
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(f"{HERE}{query}", {"image": file, **fields}, format="multipart", **headers)


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (96, 80), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 90 if mode in ("L", "I;16") else None).save(out, kind, **options)
    return out.getvalue()


def balance(user: Any) -> tuple[int, int]:
    found = ledger.balance(ledger.wallet_of(user))
    return found.available, found.held


def test_a_picture_is_restored_charged_and_kept_with_its_original(
    as_alice: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    before = balance(alice)[0]
    asked = send(as_alice, jpeg(30, (300, 300)), scale=2, background=True)
    assert (asked.status_code, asked.json()["status"], asked.json()["result"]) == (202, "queued", None)
    assert balance(alice) == (before - 1, 1)
    work()
    told = as_alice.get(f"{HERE}/{asked.json()['id']}").json()
    assert (told["status"], told["quality"]) == ("succeeded", {"before": 0.2, "after": 0.6})
    result = told["result"]
    assert (result["engine"], result["scale"], result["flagged"]) == ("photoflux-restorer", 2, False)
    assert as_alice.get(result["url"]).status_code == 200
    assert as_alice.get(told["original"]["url"])["Content-Type"] == "image/jpeg"
    assert as_alice.get(f"/api/v1/items/{result['item']}").json()["kind"] == "restored"
    assert balance(alice) == (before - 1, 0)
    assert audit.problems() == []


def test_a_plan_limits_how_far_a_picture_is_enlarged(as_alice: Any, restorer: RestorerDouble) -> None:
    assert send(as_alice, jpeg(30, (300, 640)), scale=4).json()["scale"] == 1


def test_the_result_comes_inline_when_asked_for(
    as_alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    ident = send(as_alice, query="?encoding=base64").json()["id"]
    work()
    told = as_alice.get(f"{HERE}/{ident}?encoding=base64").json()
    assert base64.b64decode(told["result"]["data"]).startswith(b"\x89PNG")
    assert "data" not in as_alice.get(f"{HERE}/{ident}").json()["result"]
    assert as_alice.get(f"{HERE}/{ident}?encoding=hex").json()["code"] == "invalid"


def test_the_same_request_twice_makes_one(as_alice: Any, alice: Any, restorer: RestorerDouble) -> None:
    first, again = send(as_alice, key="k"), send(as_alice, key="k")
    assert first.json()["id"] == again.json()["id"]
    assert Restoration.objects.count() == Job.objects.count() == 1
    assert send(as_alice, jpeg(99), key="k").json()["code"] == "idempotency_mismatch"


@pytest.mark.parametrize(
    "data, code, status",
    [
        (b"\xff" * int(1.01 * 2**20), "file_too_large", 413),
        (b"", "not_an_image", 422),
        (b"hello, this is no picture", "not_an_image", 422),
        (picture("GIF"), "unsupported_format", 422),
        (picture("WEBP"), "unsupported_format", 422),
        (picture("JPEG", size=(63, 200)), "too_small", 422),
        (picture("PNG")[:60], "unreadable", 422),
    ],
)
def test_what_cannot_be_restored_is_refused_at_once_and_costs_nothing(
    as_alice: Any, alice: Any, restorer: RestorerDouble, data: bytes, code: str, status: int
) -> None:
    before = balance(alice)
    answer = send(as_alice, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert (Restoration.objects.count(), balance(alice)) == (0, before)


@pytest.mark.parametrize("data", [picture("JPEG", "CMYK"), picture("PNG", "I;16"), picture("PNG", "RGBA")])
def test_unusual_pictures_are_taken_and_kept_as_plain_jpeg(
    as_alice: Any, alice: Any, restorer: RestorerDouble, data: bytes
) -> None:
    row = Restoration.objects.get(id=send(as_alice, data).json()["id"])
    kept = Image.open(io.BytesIO(store(alice.id).read(row.original)))
    assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (96, 80))


@pytest.mark.parametrize("fields", [{"scale": 3}, {"fidelity": 1.5}, {"fidelity": "x"}, {"twin": "x"}])
def test_wrong_fields_are_refused(as_alice: Any, fields: dict[str, Any]) -> None:
    assert send(as_alice, **fields).json()["code"] == "invalid"
    assert as_alice.post(HERE, {}, format="multipart").json()["code"] == "missing_file"


@pytest.mark.parametrize("code", ["no_face", "several_faces", "face_too_small", "nothing_to_restore"])
def test_what_the_worker_refuses_has_a_code_and_a_sentence_and_costs_nothing(
    as_alice: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int], code: str
) -> None:
    before, restorer.fails = balance(alice), code
    ident = send(as_alice).json()["id"]
    work()
    told = as_alice.get(f"{HERE}/{ident}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", code)
    assert "Nothing was charged" in told["error"]["detail"]
    assert balance(alice) == before
    assert audit.problems() == []


def test_ten_an_hour_for_a_user_with_headers(as_alice: Any, restorer: RestorerDouble) -> None:
    answers = [send(as_alice, b"x") for _ in range(11)]
    assert [a.status_code for a in answers] == [422] * 10 + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert "Retry-After" in answers[-1]
    assert as_alice.get(HERE).status_code == 200


def test_thirty_an_hour_from_an_address_whoever_is_logged_in(restorer: RestorerDouble, db: None) -> None:
    clients = [client_of(person(f"p{n}@example.com")) for n in range(4)]
    answers = [send(client, b"x") for client in clients[:3] for _ in range(10)]
    assert {a.status_code for a in answers} == {422}
    assert send(clients[3], b"x").status_code == 429


def test_the_headers_tell_both_limits(as_alice: Any, restorer: RestorerDouble) -> None:
    answer = send(as_alice)
    assert answer["RateLimit-Policy"] == '"default";q=10;w=3600, "address";q=30;w=3600'
    assert answer["RateLimit"].startswith('"default";r=9;')


def test_a_result_that_may_be_somebody_else_is_flagged_free_and_a_milder_one_is_offered(
    as_alice: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    before, restorer.identity = balance(alice), 0.2
    ident = send(as_alice).json()["id"]
    work()
    assert as_alice.get(f"{HERE}/{ident}").json()["result"]["flagged"] is True
    assert balance(alice) == before
    milder, again = (as_alice.post(f"{HERE}/{ident}/milder") for _ in range(2))
    assert (milder.status_code, milder.json()["id"]) == (202, again.json()["id"])
    assert (milder.json()["fidelity"], milder.json()["milder_of"]) == (0.75, ident)
    restorer.identity = 0.9
    work()
    assert as_alice.get(f"{HERE}/{milder.json()['id']}").json()["status"] == "succeeded"
    assert balance(alice) == before
    refused = as_alice.post(f"{HERE}/{milder.json()['id']}/milder")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_milder")


def test_a_twins_photos_guide_it_only_with_consent(
    as_alice: Any, trained: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    from accounts import consents

    assert send(as_alice, twin=str(trained.id)).status_code == 202
    work()
    assert (len(restorer.specs[-1].references), restorer.specs[-1].embedder) == (10, "test")
    assert send(as_alice, twin=str(trained.id)).status_code == 202
    consents.withdraw(trained.user, kind="biometric_twin")
    work()
    assert restorer.specs[-1].references == ()
    assert send(as_alice, twin=str(trained.id)).json()["code"] == "consent_required"


def test_another_users_twin_is_not_found(as_bob: Any, trained: Any, restorer: RestorerDouble) -> None:
    assert send(as_bob, twin=str(trained.id)).status_code == 404


def test_history_has_tags_notes_and_a_rating(as_alice: Any, alice: Any) -> None:
    row = restoration_of(alice, jpeg(1))
    changed = as_alice.patch(
        f"{HERE}/{row.id}", {"tags": ["Old ", "family"], "notes": "1968", "rating": 4}, format="json"
    ).json()
    assert (changed["tags"], changed["notes"], changed["rating"]) == (["family", "old"], "1968", 4)
    assert as_alice.patch(f"{HERE}/{row.id}", {"rating": 6}, format="json").json()["code"] == "invalid"
    assert [each["id"] for each in as_alice.get(HERE).json()["results"]] == [str(row.id)]


def test_one_or_all_are_deleted_with_their_files_and_results(
    as_alice: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    ident = send(as_alice).json()["id"]
    work()
    item = as_alice.get(f"{HERE}/{ident}").json()["result"]["item"]
    name = Restoration.objects.get(id=ident).original
    assert as_alice.delete(f"{HERE}/{ident}").status_code == 204
    assert not store(alice.id).exists(name)
    assert as_alice.get(f"/api/v1/items/{item}").status_code == 404
    for _ in range(2):
        restoration_of(alice, jpeg(1))
    assert as_alice.post(f"{HERE}/delete", {}, format="json").json()["code"] == "invalid"
    assert as_alice.post(f"{HERE}/delete", {"all": True}, format="json").json() == {"deleted": 2}


def test_the_same_key_after_a_deletion_makes_a_new_one(as_alice: Any, restorer: RestorerDouble) -> None:
    first = send(as_alice, key="k").json()["id"]
    as_alice.delete(f"{HERE}/{first}")
    again = send(as_alice, key="k")
    assert again.status_code == 202
    assert again.json()["id"] != first


def test_restorations_go_after_the_plans_time_like_pictures(alice: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from billing.models import Wallet
    from generation.restorations.retiring import retire

    plan = ledger.wallet_of(alice).plan
    plan.retention_days = 30
    plan.save()
    Wallet.objects.update(plan_since=timezone.now() - timedelta(days=90))
    old, young = (restoration_of(alice, jpeg(1)) for _ in range(2))
    Restoration.objects.filter(id=old.id).update(created_at=timezone.now() - timedelta(days=31))
    assert retire() == 1
    assert list(Restoration.objects.all()) == [young]


def test_a_deletion_stops_the_work(
    as_alice: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    ident = send(as_alice).json()["id"]
    restorer.during = lambda: as_alice.delete(f"{HERE}/{ident}")
    work()
    assert Restoration.objects.count() == 0
    assert Job.objects.get().status == "cancelled"
    assert alice.items.count() == 0
    assert audit.problems() == []


def test_a_deleted_result_leaves_the_history(
    as_alice: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    ident = send(as_alice).json()["id"]
    work()
    item = as_alice.get(f"{HERE}/{ident}").json()["result"]["item"]
    as_alice.delete(f"/api/v1/items/{item}")
    assert as_alice.get(f"{HERE}/{ident}").json()["result"] is None


def test_all_results_are_packed_by_a_filter(as_alice: Any, client: Any, alice: Any) -> None:
    answer = as_alice.post("/api/v1/exports", {"filter": {"kind": "restored"}}, format="json")
    assert answer.status_code == 202
    client.force_login(alice)
    assert client.post("/restore/many/", {"act": "download"}).status_code == 302


def test_it_is_no_job_of_the_studio(as_alice: Any, restorer: RestorerDouble) -> None:
    job = send(as_alice).json()["job"]
    assert as_alice.get("/api/v1/generations").json()["results"] == []
    answer = as_alice.post("/api/v1/generations", {"kind": "restore", "prompt": "x"}, format="json")
    assert answer.json()["code"] == "invalid"
    repeated = as_alice.post(f"/api/v1/generations/{job}/repeat", {}, format="json")
    assert (repeated.status_code, repeated.json()["code"]) == (409, "not_repeatable")
    quote = as_alice.post("/api/v1/quote", {"kind": "restoration"}, format="json")
    assert quote.json()["credits"] == 1


def test_staff_run_a_failed_one_again_at_no_price(
    as_alice: Any, alice: Any, admin_user: Any, restorer: RestorerDouble, work: Callable[[], int]
) -> None:
    from generation.services import retry_job

    before, restorer.fails = balance(alice), "engine_failed"
    ident = send(as_alice).json()["id"]
    work()
    restorer.fails = ""
    again = retry_job(Job.objects.get(), actor=admin_user)
    from config.runs import broker

    broker.enqueue(again.task, again.id, again.queue)
    work()
    assert as_alice.get(f"{HERE}/{ident}").json()["status"] == "succeeded"
    assert balance(alice) == before


def test_the_pages_take_a_picture_and_show_it(
    client: Any, alice: Any, restorer: RestorerDouble, work: Callable[[], int], settings: Any
) -> None:
    client.force_login(alice)
    assert "1 MB" in client.get("/restore/").content.decode()
    fields = {
        "image": SimpleUploadedFile("a.jpg", jpeg(3)),
        "scale": "1",
        "by_person": "1",
        "fidelity": "0.5",
    }
    assert client.post("/restore/send/", fields).status_code == 302
    row = Restoration.objects.get()
    assert row.fidelity is None
    from config.runs import broker

    broker.enqueue(row.job.task, row.job.id, row.job.queue)
    work()
    assert f"/restore/{row.id}/" in client.get("/restore/state/").content.decode()
    page = client.get(f"/restore/{row.id}/").content.decode()
    assert 'type="range"' in page
    assert client.get(f"/restore/{row.job_id}/").status_code == 200
    client.post(f"/restore/{row.id}/change/", {"tags": "a, b", "notes": "n", "rating": "5"})
    row.refresh_from_db()
    assert (row.tags, row.notes, row.rating) == (["a", "b"], "n", 5)
    assert client.post("/restore/many/", {"act": "delete"}).status_code == 302
    assert Restoration.objects.count() == 0


def test_a_page_says_what_is_wrong_with_a_picture(client: Any, alice: Any) -> None:
    client.force_login(alice)
    client.post("/restore/send/", {"image": SimpleUploadedFile("a.gif", picture("GIF")), "scale": "1"})
    assert "JPEG or PNG" in client.get("/restore/").content.decode()
    client.post("/restore/send/", {"scale": "1"})
    assert "Choose a picture first." in client.get("/restore/").content.decode()


def test_staff_see_counts_failures_seconds_and_gain(alice: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from support.insights.figures import Period
    from support.insights.restorations import Failures, Restorations, failures_by_code, restorations_by_engine

    facts = {"engine": "photoflux-restorer", "before": 0.2, "after": 0.5}
    rows = [restoration_of(alice, jpeg(1), **facts) for _ in range(2)]
    for row, seconds in zip(rows, (1, 3)):
        now = timezone.now()
        Job.objects.filter(id=row.job_id).update(started_at=now - timedelta(seconds=seconds), finished_at=now)
    failed = restoration_of(alice, jpeg(1))
    Job.objects.filter(id=failed.job_id).update(status="failed", error_code="no_face")
    today = timezone.now().date()
    period = Period(today - timedelta(days=1), today + timedelta(days=1))
    none, own = restorations_by_engine(period)
    assert (none.engine, none.failed, none.median) == ("", 1, None)
    assert own == Restorations(
        "photoflux-restorer", 2, 2, 0, 0, 2.0, pytest.approx(2.9), pytest.approx(0.3), None
    )
    assert failures_by_code(period) == [Failures("no_face", 1)]
