"""The live selfie: what a challenge takes and refuses, the proof it makes, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import consents
from accounts.vault.vault import store
from config.runs.sweeper import sweep_kind
from ml.nets.scales import DRAWN
from tests.conftest import jpeg
from tests.processes import lapse
from tests.studio import JudgeDouble, face_vector
from tests.twins.sittings import draw, form, send, sit, train, where
from twins import services
from twins.models import Photo, Training, Twin
from twins.proof import validity
from twins.proof.models import Challenge, Proof, Selfie
from twins.proof.tasks import check_selfie

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deceiving")]
Work = Callable[[], int]


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---------------------------------------------------------------- challenges


def test_a_challenge_has_each_movement_once_in_an_order_that_changes(
    as_alice: Any, twin: Twin, photos: Any
) -> None:
    orders = {tuple(draw(as_alice, twin)["steps"]) for _ in range(20)}
    assert {tuple(sorted(order)) for order in orders} == {("blink", "left", "right", "up")}
    assert len(orders) > 3


def test_a_selfie_that_follows_the_order_verifies_the_twin(
    as_alice: Any, twin: Twin, photos: list[Photo], work: Work
) -> None:
    sent = send(as_alice, twin, draw(as_alice, twin))
    assert (sent.status_code, sent.json()["status"]) == (202, "pending")
    assert as_alice.get(where(twin)).json()["challenge"] is None
    work()
    answer = as_alice.get(where(twin)).json()
    assert (answer["status"], answer["challenge"], answer["photos"]) == ("verified", None, [])
    proof = Proof.objects.get()
    assert set(proof.photos.all()) == set(photos)
    assert proof.consent.kind == "biometric_twin"
    assert tuple(proof.embedding) == face_vector(0)


def test_another_order_is_refused_with_a_sentence(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    challenge = draw(as_alice, twin)
    send(as_alice, twin, challenge, *reversed(challenge["steps"]))
    work()
    expect_refusal(as_alice.get(where(twin)).json(), "selfie_wrong_movement")


def test_another_face_is_refused_with_a_sentence(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    expect_refusal(sit(as_alice, twin, work, face=1), "selfie_other_face")


def expect_refusal(answer: dict[str, Any], code: str) -> None:
    assert (answer["status"], answer["code"]) == ("refused", code)
    assert answer["detail"]
    assert answer["challenge"]["id"]  # and one starts again
    assert not Proof.objects.exists()


def test_a_challenge_works_once(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    challenge = draw(as_alice, twin)
    send(as_alice, twin, challenge)
    assert code_of(send(as_alice, twin, challenge, first=10)) == (409, "challenge_used")
    work()
    assert code_of(send(as_alice, twin, challenge, first=20)) == (409, "challenge_used")
    assert Selfie.objects.count() == 1


def test_after_two_minutes_it_is_too_late(as_alice: Any, twin: Twin, photos: Any) -> None:
    challenge = draw(as_alice, twin)
    Challenge.objects.update(expires_at=timezone.now())
    assert code_of(send(as_alice, twin, challenge)) == (409, "challenge_expired")
    assert not Selfie.objects.exists()


def test_a_new_challenge_ends_the_one_before(as_alice: Any, twin: Twin, photos: Any) -> None:
    first, _second = draw(as_alice, twin), draw(as_alice, twin)
    assert code_of(send(as_alice, twin, first)) == (409, "challenge_expired")


def test_another_session_cannot_answer(client: Any, twin: Twin, photos: Any) -> None:
    from django.test import Client

    client.force_login(twin.user)
    challenge, other = client.get(where(twin)).json()["challenge"], Client()
    other.force_login(twin.user)
    assert code_of(other.post(where(twin), form(challenge))) == (404, "not_found")
    assert client.post(where(twin), form(challenge)).status_code == 202


def test_a_stranger_and_another_twin_cannot_answer(
    as_alice: Any, as_bob: Any, twin: Twin, photos: Any
) -> None:
    challenge = draw(as_alice, twin)
    assert code_of(send(as_bob, twin, challenge)) == (404, "not_found")
    other = Twin.objects.create(user=twin.user, name="Other")
    assert code_of(send(as_alice, other, challenge)) == (404, "not_found")


@pytest.mark.parametrize("frames", [[], [b"\xff\xd8\xff"] * 2, [b"\xff\xd8\xff"] * 13, [b"GIF89a"] * 4])
def test_frames_are_checked_at_the_edge(as_alice: Any, twin: Twin, photos: Any, frames: list[bytes]) -> None:
    challenge = draw(as_alice, twin)
    fields = form(challenge) | {"movement_3": [SimpleUploadedFile("a.jpg", f, "image/jpeg") for f in frames]}
    answer = as_alice.post(where(twin), fields, format="multipart")
    assert (*code_of(answer), *answer.json()["errors"]) == (422, "invalid", "movement_3")
    assert send(as_alice, twin, challenge).status_code == 202  # the challenge was not used up


def test_a_frame_that_is_too_large_is_refused(as_alice: Any, twin: Twin, photos: Any) -> None:
    challenge = draw(as_alice, twin)
    large = SimpleUploadedFile("a.jpg", b"\xff\xd8\xff" + bytes(512 * 1024), "image/jpeg")
    fields = form(challenge)
    fields["movement_1"][0] = large
    answer = as_alice.post(where(twin), fields, format="multipart")
    assert answer.json()["errors"] == {"movement_1": ["A frame has at most 512 KB."]}


def test_without_consent_or_photos_there_is_no_challenge(
    as_alice: Any, as_bob: Any, bob: Any, twin: Twin
) -> None:
    assert code_of(as_alice.get(where(twin))) == (409, "not_enough_photos")
    own = Twin.objects.create(user=bob, name="Bob")
    assert code_of(as_bob.get(where(own))) == (403, "consent_required")


def test_at_most_thirty_challenges_a_day(as_alice: Any, twin: Twin, photos: Any) -> None:
    fields = {"user": twin.user, "twin": twin, "steps": [], "expires_at": timezone.now()}
    Challenge.objects.bulk_create(Challenge(**fields) for _ in range(29))
    assert [as_alice.get(where(twin)).status_code for _ in range(2)] == [200, 429]
    Challenge.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert as_alice.get(where(twin)).status_code == 200


# ---------------------------------------------------------------- replays


def test_frames_of_an_earlier_selfie_are_refused(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    assert sit(as_alice, twin, work, face=1)["code"] == "selfie_other_face"
    assert sit(as_alice, twin, work, face=1)["code"] == "selfie_replayed"
    assert sit(as_alice, twin, work, first=40)["status"] == "verified"


def test_the_frames_of_another_person_are_refused_too(
    as_alice: Any, as_bob: Any, bob: Any, twin: Twin, photos: Any, work: Work
) -> None:
    sit(as_alice, twin, work)
    consents.give(bob, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    theirs = Twin.objects.create(user=bob, name="Stolen")
    Photo.objects.filter(twin=twin).update(twin=theirs, user=bob)
    assert sit(as_bob, theirs, work)["code"] == "selfie_replayed"


def test_the_same_pictures_saved_again_are_refused(
    as_alice: Any, twin: Twin, photos: Any, work: Work, judge: JudgeDouble
) -> None:
    sit(as_alice, twin, work)
    Selfie.objects.update(frame_hashes=[])  # other bytes, the same pictures
    Proof.objects.all().delete()
    answer = sit(as_alice, twin, work)
    assert answer["code"] == "selfie_replayed"


def test_one_equal_frame_is_no_replay(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    sit(as_alice, twin, work, face=1)
    earlier = Selfie.objects.get()
    Selfie.objects.update(frame_hashes=earlier.frame_hashes[:1], prints=earlier.prints[:1])
    assert sit(as_alice, twin, work, face=1)["code"] == "selfie_other_face"


# ---------------------------------------------------------------- the check as a run


def test_a_killed_workers_selfie_is_taken_up_again_and_used_once(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    challenge = draw(as_alice, twin)
    send(as_alice, twin, challenge)
    lost = Selfie.claim(Selfie.objects.get().id)
    lapse(lost)
    sweep_kind(Selfie)
    assert code_of(send(as_alice, twin, challenge, first=9)) == (409, "challenge_used")
    work()
    check_selfie(str(lost.id))  # a wake-up too many
    assert as_alice.get(where(twin)).json()["status"] == "verified"
    assert Proof.objects.count() == 1


def test_a_broken_check_is_told_and_leaves_no_frames(
    as_alice: Any, twin: Twin, photos: Any, work: Work, judge: JudgeDouble
) -> None:
    def broken(stage: str, share: float) -> None:
        raise ZeroDivisionError

    judge.on_step = broken
    send(as_alice, twin, draw(as_alice, twin))
    with pytest.raises(ZeroDivisionError):
        work()
    answer = as_alice.get(where(twin)).json()
    assert (answer["status"], answer["code"]) == ("refused", "internal")
    assert Selfie.objects.get().frames_deleted_at


def test_the_check_is_in_no_list_of_work(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    from config.web.event_stream import snapshot

    sit(as_alice, twin, work)
    assert "selfie" not in {run["kind"] for run in snapshot(twin.user)}


# ---------------------------------------------------------------- trainings


def test_a_base_that_deceives_trains_a_verified_twin_and_the_built_in_one_any(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    refused = train(as_alice, twin)
    assert code_of(refused) == (403, "verification_required")
    assert refused.json()["where"].endswith(f"/twins/{twin.id}/verify/")
    sit(as_alice, twin, work)
    assert train(as_alice, twin).status_code == 202
    work()
    assert Training.objects.get().status == "succeeded"


def added_photo(twin: Twin, apart: float, embedder: str = DRAWN, **fields: Any) -> Photo:
    """A photo at this distance from the face of the selfie."""
    facts = {"embedding": [1.0, apart, *[0.0] * 126], "embedder": embedder, "points": [0.0] * 10, "hash": 77}
    photo = Photo.objects.create(
        user=twin.user, twin=twin, status="succeeded", accepted=True, width=640, yaw=0.0, **facts | fields
    )
    store(twin.user_id).write(photo.clean, jpeg(7))
    return photo


def test_a_photo_added_later_must_show_the_same_face(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    sit(as_alice, twin, work)
    Proof.objects.update(embedder=DRAWN)
    same, other = added_photo(twin, 0.1), added_photo(twin, 0.9)
    refused = train(as_alice, twin)
    assert code_of(refused) == (403, "verification_required")
    assert refused.json()["photos"] == [str(other.id)]
    shown = as_alice.get(where(twin)).json()
    assert (shown["status"], shown["photos"]) == ("none", [str(other.id)])
    services.delete_photo(other)
    assert as_alice.get(where(twin)).json()["status"] == "verified"
    assert train(as_alice, twin).status_code == 202
    assert same in Proof.objects.get().photos.all()


def test_a_photo_with_another_nets_vector_needs_the_selfie_again(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    sit(as_alice, twin, work)
    added_photo(twin, 0)
    assert code_of(train(as_alice, twin)) == (403, "verification_required")
    Photo.objects.update(embedding=list(face_vector(0)), embedder="test")
    assert sit(as_alice, twin, work, first=30)["status"] == "verified"
    assert train(as_alice, twin).status_code == 202


def test_staff_cannot_run_a_training_again_without_a_proof(
    as_alice: Any, twin: Twin, photos: Any, work: Work, admin_user: Any
) -> None:
    sit(as_alice, twin, work)
    train(as_alice, twin)
    training = Training.claim(Training.objects.get().id)
    training.fail("internal")
    Proof.objects.update(ended_at=timezone.now())
    with pytest.raises(validity.VerificationRequired):
        services.retry_training(training, actor=admin_user)


def test_a_selfie_that_is_new_replaces_the_proof(as_alice: Any, twin: Twin, photos: Any, work: Work) -> None:
    sit(as_alice, twin, work)
    Proof.objects.update(embedder=DRAWN)
    stranger = added_photo(twin, 0.9)
    assert sit(as_alice, twin, work, face=1)["code"] == "selfie_other_face"
    assert Proof.objects.filter(ended_at=None).count() == 1  # the old one stands
    assert sit(as_alice, twin, work, first=40)["photos"] == [str(stranger.id)]
    old, new = Proof.objects.order_by("created_at")
    assert (old.embedding, new.ended_at, old.ended_at is None) == (None, None, False)
    services.delete_photo(stranger)
    assert as_alice.get(where(twin)).json()["status"] == "verified"
    assert train(as_alice, twin).status_code == 202


def test_a_photo_that_the_selfie_is_not_like_is_named_and_removed_at_once(
    as_alice: Any, twin: Twin, photos: list[Photo], work: Work, client: Any
) -> None:
    added_photo(twin, 0.0, "test")
    other = photos[3]
    Photo.objects.filter(id=other.id).update(embedding=list(face_vector(1)))
    answer = sit(as_alice, twin, work)
    assert (answer["status"], answer["code"]) == ("none", "verification_required")
    assert answer["photos"] == [str(other.id)]
    assert code_of(train(as_alice, twin)) == (403, "verification_required")
    client.force_login(twin.user)
    page = client.get(f"/twins/{twin.id}/verify/").content.decode()
    assert "Remove this one" in page
    client.post(f"/twins/{twin.id}/photos/remove/", {"photo": f"{other.id} "})
    assert as_alice.get(where(twin)).json()["status"] == "verified"
