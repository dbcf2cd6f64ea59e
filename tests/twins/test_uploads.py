"""Photos that come in pieces (tus 1.0). tests/test_uploads_cut.py breaks them off at a real server."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import consents, retaining
from accounts.retention import RULES
from accounts.vault import orphans
from accounts.vault.vault import store
from config import registry
from config.errors import DomainError
from tests.conftest import client_of, jpeg
from tests.factory import upload_of
from twins.models import MOST, Photo
from twins.uploads import models, services
from twins.uploads.models import Upload

pytestmark = pytest.mark.django_db
OFFSET = "application/offset+octet-stream"
DATA = jpeg(3)


def asked(method: Any, where: str, data: bytes | None = None, **headers: Any) -> Any:
    sent = {"Tus-Resumable": "1.0.0"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    body = {} if data is None else {"data": data, "content_type": OFFSET}
    return method(where, headers=sent, **body)


def begin(client: Any, twin: Any, data: bytes | None = None, length: int = len(DATA), **headers: Any) -> Any:
    name = f"filename {base64.b64encode('Ana én.jpg'.encode()).decode()}"
    told = {"Upload_Length": length, "Upload_Metadata": name} | headers
    return asked(client.post, f"/api/v1/twins/{twin.id}/uploads", data, **told)


def send(client: Any, where: str, data: bytes, offset: int, **headers: Any) -> Any:
    return asked(client.patch, where, data, Upload_Offset=offset, **headers)


@pytest.fixture
def where(as_alice: Any, twin: Any) -> str:
    """The address of an upload of which nothing has arrived."""
    return str(begin(as_alice, twin)["Location"])


def test_a_photo_in_pieces_is_checked_like_any_other(
    as_alice: Any, twin: Any, where: str, judge: Any, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SMALL", 500)  # some pieces are joined, some stay
    for start in range(0, len(DATA), 300):
        answer = send(as_alice, where, DATA[start : start + 300], start)
        assert (answer.status_code, answer["Tus-Resumable"]) == (204, "1.0.0")
        assert int(answer["Upload-Offset"]) == min(start + 300, len(DATA))
        assert answer["Upload-Expires"].endswith("GMT")
    photo = Photo.objects.get()
    assert store(photo.user_id).read(photo.quarantine) == DATA
    kept = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    assert not list(kept.rglob(f"uploads/{where[-36:]}/*"))
    seen = as_alice.get(where).json()
    assert (seen["photo"], seen["file_name"]) == (str(photo.id), "Ana én.jpg")
    work()
    said = as_alice.get(f"/api/v1/twins/{twin.id}/photos/{photo.id}").json()
    assert (said["status"], said["file_name"]) == ("accepted", "Ana én.jpg")


def test_what_arrived_is_sealed(as_alice: Any, twin: Any, where: str) -> None:
    send(as_alice, where, b"Plain text that nobody may find", 0)
    kept = Path(settings.STORAGES["default"]["OPTIONS"]["location"]).rglob(f"{where[-36:]}/*")
    assert [b"Plain" in each.read_bytes() for each in kept] == [False]
    assert orphans.sweep(dry=True) == 0


def test_one_asks_how_much_has_arrived(as_alice: Any, twin: Any, where: str) -> None:
    send(as_alice, where, DATA[:7], 0)
    head = asked(as_alice.head, where)
    assert (head.status_code, head["Upload-Offset"], head["Cache-Control"]) == (200, "7", "private, no-store")
    assert (head["Upload-Length"], head.content) == (str(len(DATA)), b"")
    assert head["Upload-Metadata"].startswith("filename ")
    listed = as_alice.get(f"/api/v1/twins/{twin.id}/uploads").json()["results"]
    assert [(each["offset"], each["photo"]) for each in listed] == [(7, None)]


def test_everybody_may_ask_what_it_can(client: Any, twin: Any, where: str) -> None:
    for address in (where, f"/api/v1/twins/{twin.id}/uploads"):
        told = client.options(address)
        assert (told.status_code, told["Tus-Version"]) == (204, "1.0.0")
        assert told["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
        assert told["Tus-Max-Size"] == str(settings.MAX_UPLOAD)


@pytest.mark.parametrize("sent", [b"", DATA[:9], DATA], ids=["nothing", "a part", "all"])
def test_the_first_piece_may_come_at_once(as_alice: Any, twin: Any, sent: bytes) -> None:
    answer = begin(as_alice, twin, sent)
    assert (answer.status_code, answer["Upload-Offset"]) == (201, str(len(sent)))
    assert Photo.objects.count() == (sent == DATA)


def test_an_empty_photo_is_refused_as_by_the_ordinary_upload(
    as_alice: Any, twin: Any, judge: Any, work: Any
) -> None:
    photo = begin(as_alice, twin, length=0).json()["photo"]
    judge.codes = {b"": "not_an_image"}
    assert Photo.objects.get().id.hex == photo.replace("-", "")


def test_a_key_begins_one_upload(as_alice: Any, twin: Any) -> None:
    first = begin(as_alice, twin, DATA[:9], Idempotency_Key="k")
    again = begin(as_alice, twin, DATA[:9], Idempotency_Key="k")
    assert (again["Location"], again["Upload-Offset"]) == (first["Location"], "9")
    other = begin(as_alice, twin, length=5, Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    send(as_alice, first["Location"], DATA[9:], 9)
    assert begin(as_alice, twin, DATA, Idempotency_Key="k").json()["photo"] == str(Photo.objects.get().id)


def test_a_checksum_is_compared(as_alice: Any, where: str) -> None:
    def sum_of(name: str, data: bytes) -> str:
        return f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"

    wrong = send(as_alice, where, DATA[:9], 0, Upload_Checksum=sum_of("sha1", b"x"))
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert asked(as_alice.head, where)["Upload-Offset"] == "0"
    assert send(as_alice, where, DATA[:9], 0, Upload_Checksum=sum_of("sha1", DATA[:9])).status_code == 204
    assert send(as_alice, where, DATA[9:], 9, Upload_Checksum=sum_of("sha256", DATA[9:])).status_code == 204
    for unknown in ("md5 AAAA", "sha1", "sha1 ?"):
        assert send(as_alice, where, b"", len(DATA), Upload_Checksum=unknown).status_code in (400, 460)


@pytest.mark.parametrize(
    "data,offset,status,code",
    [
        (b"x", 1, 409, "wrong_offset"),  # a gap
        (DATA + b"x", 0, 413, "upload_too_long"),  # more than announced
        (b"x", -1, 400, "malformed"),
        (b"x", "", 400, "malformed"),
        (b"x", 10**20, 400, "malformed"),
    ],
)
def test_a_piece_that_does_not_fit_changes_nothing(
    as_alice: Any, where: str, data: bytes, offset: Any, status: int, code: str
) -> None:
    answer = send(as_alice, where, data, offset)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert asked(as_alice.head, where)["Upload-Offset"] == "0"


def test_a_piece_sent_twice_is_taken_once(as_alice: Any, where: str) -> None:
    send(as_alice, where, DATA[:9], 0)
    again = send(as_alice, where, DATA[:9], 0)
    assert (again.status_code, again.json()["code"], again.json()["offset"]) == (409, "wrong_offset", 9)
    send(as_alice, where, DATA[9:], 9)
    assert send(as_alice, where, b"", len(DATA)).status_code == 204  # at the end, nothing more
    assert send(as_alice, where, b"x", len(DATA)).status_code == 413
    assert Photo.objects.count() == 1


@pytest.mark.parametrize(
    "headers,status,code",
    [
        ({"Upload_Length": "x"}, 400, "malformed"),
        ({"Upload_Length": -1}, 400, "malformed"),
        ({"Upload_Length": 25 * 2**20 + 1}, 413, "file_too_large"),
        ({"Upload_Metadata": "filename ?"}, 400, "malformed"),
        ({"Upload_Metadata": "a AAAA,a AAAA"}, 400, "malformed"),
        ({"Upload_Metadata": "a " + "A" * 1200}, 400, "malformed"),
        ({"Tus_Resumable": "0.2.2"}, 412, "tus_version_unknown"),
        ({"Idempotency_Key": "k" * 256}, 422, "invalid"),
    ],
)
def test_what_cannot_begin(as_alice: Any, twin: Any, headers: Any, status: int, code: str) -> None:
    answer = begin(as_alice, twin, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Upload.objects.exists()


def test_another_version_or_type_is_refused(as_alice: Any, twin: Any, where: str) -> None:
    old = as_alice.patch(where, headers={"Tus-Resumable": "0.2.2"}, data=b"x", content_type=OFFSET)
    assert (old.status_code, old["Tus-Version"], old["Tus-Resumable"]) == (412, "1.0.0", "1.0.0")
    told = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    other = as_alice.patch(where, headers=told, data=b"{}", content_type="application/json")
    assert (other.status_code, other.json()["code"]) == (415, "unsupported_media_type")
    assert as_alice.patch(where, headers=told).status_code == 415


def test_a_piece_says_how_long_it_is(as_alice: Any, where: str) -> None:
    refused = send(as_alice, where, b"x", 0, Transfer_Encoding="chunked")
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")


def test_a_strangers_upload_is_not_found(as_bob: Any, where: str) -> None:
    tried = [asked(as_bob.head, where), send(as_bob, where, DATA, 0), asked(as_bob.delete, where)]
    assert [answer.status_code for answer in tried] == [404] * 3
    assert Upload.objects.get().offset == 0


def test_an_upload_is_ended(as_alice: Any, where: str) -> None:
    send(as_alice, where, DATA[:9], 0)
    upload = Upload.objects.get()
    assert asked(as_alice.delete, where).status_code == 204
    assert not store(upload.user_id).exists(upload.piece(0))
    assert [asked(each, where).status_code for each in (as_alice.delete, as_alice.head)] == [404, 404]


def test_after_a_day_it_is_gone(
    as_alice: Any, where: str, django_capture_on_commit_callbacks: Any, twin: Any
) -> None:
    send(as_alice, where, DATA[:9], 0)
    upload = Upload.objects.get()
    assert upload.expires_at - upload.created_at < timedelta(days=1)
    Upload.objects.update(expires_at=timezone.now())
    for late in (asked(as_alice.head, where), send(as_alice, where, DATA[9:], 9)):
        assert late.status_code == 410
    assert late.json()["code"] == "upload_expired"
    with django_capture_on_commit_callbacks(execute=True):
        retaining.run(RULES["broken_uploads"])
    assert not store(upload.user_id).exists(upload.piece(0))
    assert asked(as_alice.head, where).status_code == 404
    assert begin(as_alice, twin).status_code == 201


def test_the_end_of_a_consent_or_of_a_twin_takes_uploads_along(
    as_alice: Any, twin: Any, where: str, django_capture_on_commit_callbacks: Any
) -> None:
    from twins.models import Twin
    from twins.services import delete_twin

    send(as_alice, where, DATA[:9], 0)
    first, other = Upload.objects.get(), Twin.objects.create(user=twin.user, name="b")
    second = Upload.objects.get(id=upload_of(other))
    with django_capture_on_commit_callbacks(execute=True):
        delete_twin(other)
        consents.withdraw(twin.user, kind="biometric_twin")
    assert [store(each.user_id).exists(each.piece(0)) for each in (first, second)] == [False, False]
    assert send(as_alice, where, DATA[9:], 9).status_code == 404
    assert begin(as_alice, twin).json()["code"] == "consent_required"


def test_a_full_twin_refuses_at_the_beginning_and_at_the_end(as_alice: Any, twin: Any, where: str) -> None:
    Photo.objects.bulk_create(Photo(user=twin.user, twin=twin, accepted=True) for _ in range(MOST))
    assert begin(as_alice, twin).json()["code"] == "too_many_photos"
    refused = send(as_alice, where, DATA, 0)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_photos")
    Photo.objects.first().delete()  # type: ignore[union-attr]
    assert send(as_alice, where, DATA, 0).status_code == 204  # nothing was lost


@pytest.mark.parametrize("cap", ["OPEN", "BYTES"])
def test_a_user_has_so_many_open_uploads(
    as_alice: Any, twin: Any, where: str, cap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, cap, {"OPEN": 1, "BYTES": 2 * len(DATA) - 1}[cap])
    full = begin(as_alice, twin)
    assert (full.status_code, full.json()["code"]) == (409, "too_many_uploads")
    send(as_alice, where, DATA, 0)  # it is finished, and counts no more
    assert begin(as_alice, twin).status_code == 201


def test_a_rule_and_the_archive_speak_of_them(twin: Any, where: str) -> None:
    assert registry.retention["broken_uploads"]
    members = [m for each in registry.exporters if Upload in each.models for m in each.members(twin.user)]
    assert [m.path for m in members] == ["twins/uploads.json"]


@pytest.mark.django_db(transaction=True)
def test_of_two_pieces_at_once_one_is_taken(alice: Any, twin: Any, wake_ups: Any) -> None:
    upload = services.create_upload(twin, length=len(DATA))

    def take(n: int) -> str:
        from django.db import connection

        try:
            services.receive(upload, offset=0, data=DATA)
            return "taken"
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(take, range(6)))
    assert said == ["taken", *["wrong_offset"] * 5]
    assert Photo.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_at_once_nobody_passes_the_cap(
    alice: Any, twin: Any, monkeypatch: pytest.MonkeyPatch, wake_ups: Any
) -> None:
    monkeypatch.setattr(services, "OPEN", 2)
    clients = [client_of(alice) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(lambda client: begin(client, twin).status_code, clients))
    assert said == [201, 201, 409, 409, 409, 409]
