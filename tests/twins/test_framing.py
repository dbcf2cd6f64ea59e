"""Hints while the camera is on: what the check would say, from a frame that is not kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.runs import asking, broker
from tests.accounts.leftovers import files_of
from tests.conftest import client_of, jpeg
from twins.framing import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, judge: Any, all_tasks: Any) -> list[bytes]:
    """Begins as soon as a message is sent. The list holds what lay in Redis."""
    seen: list[bytes] = []
    take = asking.take

    def taken(ident: str) -> bytes | None:
        found = take(ident)
        seen.append(found or b"")
        return found

    monkeypatch.setattr(asking, "take", taken)
    monkeypatch.setattr(broker, "enqueue", lambda task, ident, queue: all_tasks[task](ident) or True)
    return seen


def sent(twin: Any, frame: bytes, width: Any = 1536, user: Any = None) -> Any:
    file = SimpleUploadedFile("frame.jpg", frame, "image/jpeg")
    body = {"frame": file, "width": width}
    return client_of(user or twin.user).post(f"/api/v1/twins/{twin.id}/framing", body, format="multipart")


def test_a_frame_is_judged_as_the_photo_would_be_and_nothing_of_it_is_kept(
    twin: Any, worker: list[bytes]
) -> None:
    frame, files = jpeg(1), files_of(twin.user_id)
    good, far = sent(twin, frame), sent(twin, frame, 200)
    assert good.json() == {"code": "", "detail": "Good. Take the photo."}
    assert far.json() == {"code": "face_too_small", "detail": "Come closer."}
    assert files_of(twin.user_id) == files
    assert not twin.photos.exists()
    assert len(worker) == 2
    assert not any(frame[:200] in question for question in worker)


def test_a_bad_frame_is_refused_with_what_to_do(twin: Any, bob: Any, worker: list[bytes]) -> None:
    large = sent(twin, b"\xff\xd8\xff" + bytes(services.LARGEST))
    assert (large.status_code, large.json()["code"]) == (413, "file_too_large")
    for answer in (sent(twin, b"%PDF-1.7"), sent(twin, jpeg(1), "wide"), sent(twin, b"")):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert sent(twin, jpeg(1), user=bob).status_code == 404


def test_without_a_consent_no_frame_is_looked_at(twin: Any, worker: list[bytes]) -> None:
    from accounts import consents

    consents.withdraw(twin.user, kind="biometric_twin")
    assert sent(twin, jpeg(1)).json()["code"] == "consent_required"
    assert worker == []


def test_when_no_worker_is_free_it_says_so(
    twin: Any, wake_ups: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PATIENCE", 0.01)
    assert sent(twin, jpeg(1)).json()["code"] == "unavailable"
