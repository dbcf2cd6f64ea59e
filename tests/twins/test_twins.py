"""Twins through the API: photos, verdicts, trainings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.vault.vault import store
from tests.conftest import jpeg
from tests.studio import EngineDouble, JudgeDouble
from twins.models import Training, Twin

pytestmark = pytest.mark.django_db


def send(client: Any, twin: Any, data: bytes, name: str = "a.jpg") -> Any:
    return client.post(
        f"/api/v1/twins/{twin}/photos", {"file": SimpleUploadedFile(name, data)}, format="multipart"
    )


def test_a_twin_is_made_listed_renamed_and_deleted(as_alice: Any) -> None:
    made = as_alice.post("/api/v1/twins", {"name": "Me", "subject_class": "woman"}, format="json")
    assert made.status_code == 201
    assert made.json()["status"] == "draft"
    where = f"/api/v1/twins/{made.json()['id']}"
    assert as_alice.patch(where, {"name": "Myself"}, format="json").json()["name"] == "Myself"
    assert [t["name"] for t in as_alice.get("/api/v1/twins").json()["results"]] == ["Myself"]
    assert as_alice.delete(where).status_code == 204
    assert as_alice.get(where).json()["code"] == "not_found"


def test_the_first_twin_has_a_name_already(client: Any, alice: Any) -> None:
    client.force_login(alice)
    assert 'value="Me"' in client.get("/twins/new/").text
    Twin.objects.create(user=alice, name="Myself")
    assert 'value="Me"' not in client.get("/twins/new/").text


def test_the_free_plan_holds_one_twin(as_alice: Any) -> None:
    answers = [as_alice.post("/api/v1/twins", {"name": n}, format="json") for n in ("one", "two")]
    assert [a.status_code for a in answers] == [201, 409]
    assert answers[1].json()["code"] == "twin_limit"


def test_no_photo_without_consent(as_alice: Any) -> None:
    twin = as_alice.post("/api/v1/twins", {"name": "Me"}, format="json").json()["id"]
    answer = send(as_alice, twin, jpeg())
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_required")


def test_a_photo_is_checked_and_accepted(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:
    photo = send(as_alice, twin.id, jpeg(), name="../../me\0.jpg").json()
    assert (photo["status"], photo["file_name"]) == ("checking", "me.jpg")
    assert work() == 1
    seen = as_alice.get(f"/api/v1/twins/{twin.id}/photos/{photo['id']}").json()
    assert (seen["status"], seen["code"], seen["width"]) == ("accepted", None, 640)
    small = as_alice.get(f"/api/v1/twins/{twin.id}/photos/{photo['id']}/thumbnail")
    assert b"".join(small)[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "not_an_image"),
        (b"%PDF-1.7", "not_an_image"),
        (jpeg()[:-300], "unreadable"),
        (jpeg(size=(300, 300)), "too_small"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int], data: bytes, code: str
) -> None:
    photo = send(as_alice, twin.id, data)
    assert photo.status_code == 201
    work()
    seen = as_alice.get(f"/api/v1/twins/{twin.id}/photos/{photo.json()['id']}").json()
    assert (seen["status"], seen["code"]) == ("refused", code)
    assert seen["detail"].endswith(".")


@pytest.mark.parametrize("code", ["face_hidden", "not_adult", "other_person", "unsafe"])
def test_a_verdict_of_the_judge_comes_through(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int], code: str
) -> None:
    judge.verdict = lambda data: code
    photo = send(as_alice, twin.id, jpeg()).json()
    work()
    assert as_alice.get(f"/api/v1/twins/{twin.id}/photos/{photo['id']}").json()["code"] == code


def test_a_file_over_25_mb_never_becomes_a_photo(as_alice: Any, twin: Any) -> None:
    answer = send(as_alice, twin.id, b"\xff\xd8\xff" + bytes(25 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert twin.photos.count() == 0


def test_the_26th_photo_is_refused_and_a_refused_one_does_not_count(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:
    judge.verdict = lambda data: "blurred" if data == jpeg(255) else ""
    send(as_alice, twin.id, jpeg(255))
    work()
    answers = [send(as_alice, twin.id, jpeg(i)).status_code for i in range(26)]
    assert answers == [201] * 25 + [409]
    assert send(as_alice, twin.id, jpeg(99)).json()["code"] == "too_many_photos"


def test_ten_photos_train_and_nine_do_not(
    as_alice: Any, twin: Any, photos: list[Any], work: Callable[[], int]
) -> None:
    where = f"/api/v1/twins/{twin.id}"
    assert as_alice.delete(f"{where}/photos/{photos[0].id}").status_code == 204
    refused = as_alice.post(f"{where}/trainings", {}, format="json")
    assert (refused.status_code, refused.json()["code"], refused.json()["accepted"]) == (
        409,
        "not_enough_photos",
        9,
    )
    assert "photos" in refused.json()["missing"]
    send(as_alice, twin.id, jpeg(77))
    work()
    assert as_alice.get(where).json()["status"] == "ready"
    started = as_alice.post(f"{where}/trainings", {"seed": 5}, format="json")
    assert started.status_code == 202
    again = as_alice.post(f"{where}/trainings", {}, format="json")
    assert again.json()["code"] == "training_in_progress"
    work()
    done = as_alice.get(f"/api/v1/trainings/{started.json()['id']}").json()
    assert (done["status"], done["progress"], done["active"], done["number"]) == ("succeeded", 1.0, True, 1)
    assert as_alice.get(where).json()["status"] == "trained"


def test_a_twin_below_the_floor_costs_nothing(
    as_alice: Any, twin: Any, photos: list[Any], engine: EngineDouble, work: Callable[[], int]
) -> None:
    engine.likeness = 0.1
    started = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json").json()
    work()
    done = as_alice.get(f"/api/v1/trainings/{started['id']}").json()
    assert (done["status"], done["error"]["code"], done["credits"]["captured"]) == (
        "failed",
        "likeness_too_low",
        0,
    )
    assert as_alice.post(
        "/api/v1/quote", {"kind": "training", "twin": str(twin.id)}, format="json"
    ).json() == {"credits": 0}


def test_the_second_training_costs_and_the_key_makes_it_one(
    as_alice: Any, trained: Any, work: Callable[[], int]
) -> None:
    from billing import audit, ledger

    ledger.grant(ledger.wallet_of(trained.user), 100, cause="test")
    where = f"/api/v1/twins/{trained.id}/trainings"
    answers = [as_alice.post(where, {"seed": 3}, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[0].json()["credits"]["held"] == 20
    assert (
        as_alice.post(where, {"seed": 4}, format="json", HTTP_IDEMPOTENCY_KEY="k").json()["code"]
        == "idempotency_mismatch"
    )
    work()
    assert ledger.balance(ledger.wallet_of(trained.user)).available == 83
    assert audit.problems() == []


def test_versions_are_activated_and_rolled_back(as_alice: Any, trained: Any, work: Callable[[], int]) -> None:
    from billing import ledger

    ledger.grant(ledger.wallet_of(trained.user), 100, cause="test")
    first = as_alice.get(f"/api/v1/twins/{trained.id}").json()["active_training"]
    second = as_alice.post(f"/api/v1/twins/{trained.id}/trainings", {}, format="json").json()["id"]
    work()
    assert as_alice.get(f"/api/v1/twins/{trained.id}").json()["active_training"] == second
    assert as_alice.post(f"/api/v1/trainings/{first}/activate").json()["active"] is True
    assert as_alice.get(f"/api/v1/trainings/{first}/weights")["ETag"]


def test_the_owner_downloads_the_weights_from_the_page_and_a_stranger_does_not(
    as_alice: Any, as_bob: Any, trained: Any
) -> None:
    from django.test import Client

    type(trained).objects.filter(id=trained.id).update(name="Ana María")
    where, page = f"/api/v1/trainings/{trained.active_training_id}/weights", Client()
    page.force_login(trained.user)
    assert f'href="{where}"' in page.get(f"/twins/{trained.id}/").content.decode()
    whole = as_alice.get(where)
    assert whole["Content-Disposition"] == 'attachment; filename="photoflux-ana-maria-v1.safetensors"'
    data = b"".join(whole)
    part = as_alice.get(where, HTTP_RANGE="bytes=2-5")
    assert (part.status_code, b"".join(part)) == (206, data[2:6])
    assert as_bob.get(where).status_code == 404


def test_a_queued_training_is_cancelled_at_once_and_not_twice(
    as_alice: Any, twin: Any, photos: list[Any]
) -> None:
    started = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json").json()
    where = f"/api/v1/trainings/{started['id']}/cancel"
    assert as_alice.post(where).json()["status"] == "cancelled"
    assert as_alice.post(where).json()["code"] == "already_finished"


def test_withdrawing_the_consent_disables_the_twin_and_forgets_the_face(as_alice: Any, trained: Any) -> None:
    assert as_alice.delete("/api/v1/consents/biometric_twin").status_code == 204
    assert as_alice.get(f"/api/v1/twins/{trained.id}").json()["status"] == "disabled"
    assert not trained.photos.exclude(embedding=None).exists()


def test_the_weights_go_with_the_consent_and_are_not_given_out_meanwhile(
    as_alice: Any, trained: Any, client: Any, django_capture_on_commit_callbacks: Any
) -> None:
    training, files = trained.active_training, store(trained.user_id)
    verbs = (("get", "weights"), ("get", "samples/0"), ("post", "activate"))
    with django_capture_on_commit_callbacks(execute=False) as deletions:
        as_alice.delete("/api/v1/consents/biometric_twin")
        for verb, path in verbs:  # the files are still there
            answer = getattr(as_alice, verb)(f"/api/v1/trainings/{training.id}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (409, "twin_disabled")
    assert training.lora not in set(Training.known_files(trained.user_id))  # after a kill here: an orphan
    for delete in deletions:
        delete()
    assert not files.exists(training.lora)
    assert not files.exists(training.sample(0))
    client.force_login(trained.user)
    page = client.get(f"/twins/{trained.id}/").content.decode()
    assert "consent to it was withdrawn" in page
    assert "/weights" not in page


def test_deleting_a_twin_leaves_no_file(as_alice: Any, trained: Any) -> None:
    files, lora = store(trained.user_id), trained.active_training.lora
    assert files.exists(lora)
    assert as_alice.delete(f"/api/v1/twins/{trained.id}").status_code == 204
    assert not files.exists(lora)
    assert not Training.objects.exists()


class FullDisk:
    """Makes every write to the vault fail with StorageFull."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from accounts.vault.vault import Vault
        from config.errors import StorageFull

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise StorageFull

        for verb in ("write", "write_stream"):
            monkeypatch.setattr(Vault, verb, refuse)


def test_a_full_disk_while_uploading_keeps_nothing_and_says_so(
    as_alice: Any, twin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch)
    answer = send(as_alice, twin.id, jpeg())
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_full")
    assert twin.photos.count() == 0


def test_a_full_disk_while_training_costs_nothing(
    as_alice: Any, twin: Any, photos: list[Any], work: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {}, format="json").json()
    FullDisk(monkeypatch)
    work()
    done = as_alice.get(f"/api/v1/trainings/{started['id']}").json()
    assert (done["status"], done["error"]["code"], done["credits"]["captured"]) == (
        "failed",
        "storage_full",
        0,
    )


def test_a_photo_of_the_library_is_used_again_in_another_twin(
    as_alice: Any, twin: Any, photos: list[Any], work: Callable[[], int]
) -> None:
    from billing.models import Plan

    Plan.objects.update(twins=2)
    other = as_alice.post("/api/v1/twins", {"name": "Other"}, format="json").json()["id"]
    assert len(as_alice.get("/api/v1/photos").json()["results"]) == 10
    copy = as_alice.post(f"/api/v1/twins/{other}/photos", {"photo": str(photos[0].id)}, format="json")
    assert copy.status_code == 201
    work()
    assert as_alice.get(f"/api/v1/twins/{other}").json()["readiness"]["accepted"] == 1


def test_lists_take_the_same_number_of_queries_however_long(
    as_alice: Any, trained: Any, django_assert_max_num_queries: Any
) -> None:
    for where in ("twins", f"twins/{trained.id}/photos", f"twins/{trained.id}/trainings", "photos"):
        with django_assert_max_num_queries(6):
            assert as_alice.get(f"/api/v1/{where}").json()["results"]


def test_deleting_a_twin_whose_training_runs_gives_the_credits_back(as_alice: Any, trained: Any) -> None:
    from billing import audit, ledger

    ledger.grant(ledger.wallet_of(trained.user), 20, cause="test")
    started = as_alice.post(f"/api/v1/twins/{trained.id}/trainings", {}, format="json").json()
    claimed = Training.claim(started["id"])
    assert claimed
    assert as_alice.delete(f"/api/v1/twins/{trained.id}").status_code == 204
    assert (ledger.balance(ledger.wallet_of(trained.user)).available, claimed.beat()) == (23, False)
    assert audit.problems() == []


def test_the_uploaded_bytes_go_however_the_check_ends(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:

    def broken(data: bytes) -> str:
        raise ZeroDivisionError

    judge.verdict = broken
    send(as_alice, twin.id, jpeg())
    with pytest.raises(ZeroDivisionError):
        work()
    photo = twin.photos.get()
    assert (photo.status, photo.error_code) == ("failed", "internal")
    assert not store(twin.user_id).exists(photo.quarantine)


def test_a_photo_deleted_while_it_is_checked_leaves_nothing(
    as_alice: Any, twin: Any, judge: JudgeDouble, work: Callable[[], int]
) -> None:
    from twins.models import Photo

    sent = send(as_alice, twin.id, jpeg()).json()
    photo = Photo.objects.get(id=sent["id"])

    def deleted_meanwhile(data: bytes) -> str:
        assert as_alice.delete(f"/api/v1/twins/{twin.id}/photos/{photo.id}").status_code == 204
        return ""

    judge.verdict = deleted_meanwhile
    work()
    files = store(twin.user_id)
    assert not any(files.exists(name) for name in (photo.quarantine, photo.clean, photo.thumbnail))


def test_a_base_that_can_deceive_asks_for_proof(
    as_alice: Any, twin: Any, photos: list[Any], settings: Any
) -> None:
    settings.STUDIO_PROFILES = ["nano", "flux-schnell"]
    answer = as_alice.post(f"/api/v1/twins/{twin.id}/trainings", {"base": "flux-schnell"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "verification_required")
    assert not twin.trainings.exists()


def test_a_training_shows_samples(as_alice: Any, trained: Any) -> None:
    training = as_alice.get(f"/api/v1/trainings/{trained.active_training_id}").json()
    assert len(training["samples"]) == 1
    sample = as_alice.get(training["samples"][0])
    assert (sample.status_code, sample["Content-Type"]) == (200, "image/png")
    assert as_alice.get(training["samples"][0].replace("/0", "/1")).status_code == 404


def test_a_photo_sent_again_because_its_answer_was_lost_is_one(
    as_alice: Any, twin: Any, wake_ups: list[Any]
) -> None:
    def send(data: bytes) -> Any:
        file = SimpleUploadedFile("me.jpg", data)
        return as_alice.post(
            f"/api/v1/twins/{twin.id}/photos", {"file": file}, format="multipart", HTTP_IDEMPOTENCY_KEY="k"
        )

    first, again, other = send(jpeg(1)), send(jpeg(1)), send(jpeg(2))
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert twin.photos.count() == 1
