"""Staff look at evidence and decide, each with a reason and an own right. Nobody makes a proof alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import consents
from moderation.models import AuditEntry
from tests.rights import logged_in, staff_with
from tests.studio import JudgeDouble
from tests.twins.sittings import sit
from twins.models import Twin
from twins.proof.forgetting import tidy_selfies
from twins.proof.models import Proof, Selfie

pytestmark = pytest.mark.django_db
REASON = "the age hint asked for it"
LOOK, REVIEW = "twins.view_evidence", "twins.review_selfie"


@pytest.fixture
def waiting(as_alice: Any, twin: Twin, photos: Any, work: Callable[[], int], judge: JudgeDouble) -> Selfie:
    judge.review = "maybe_minor"
    assert sit(as_alice, twin, work)["status"] == "review"
    return Selfie.objects.get()


def act(client: Any, selfie: Selfie, name: str, reason: str = REASON) -> Any:
    return client.post(f"/admin/twins/selfie/{selfie.id}/evidence/", {"act": name, "reason": reason})


def entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("at").values_list("verb", "subject_id", "detail"))


def test_a_selfie_that_waits_is_no_proof_yet(waiting: Selfie) -> None:
    assert not Proof.objects.exists()
    assert waiting.embedding is not None


def test_staff_pass_it_with_a_reason_and_that_makes_the_proof(
    waiting: Selfie, as_alice: Any, twin: Twin
) -> None:
    client = logged_in(staff_with(REVIEW))
    assert act(client, waiting, "pass").status_code == 302
    assert Proof.objects.get().selfie == waiting
    assert as_alice.get(f"/api/v1/twins/{twin.id}/verification").json()["status"] == "verified"
    act(client, waiting, "refuse")  # decided is decided
    assert Proof.objects.filter(ended_at=None).exists()
    assert entries() == [("pass_selfie", str(waiting.id), REASON)]


def test_staff_refuse_it_and_the_vector_goes(waiting: Selfie, as_alice: Any, twin: Twin) -> None:
    act(logged_in(staff_with(REVIEW)), waiting, "refuse")
    waiting.refresh_from_db()
    assert (waiting.accepted, waiting.embedding) == (False, None)
    answer = as_alice.get(f"/api/v1/twins/{twin.id}/verification").json()
    assert (answer["status"], answer["code"]) == ("refused", "selfie_declined")
    assert entries() == [("refuse_selfie", str(waiting.id), REASON)]


@pytest.mark.parametrize("name", ["look", "pass", "refuse"])
def test_without_a_reason_nothing_happens(waiting: Selfie, name: str) -> None:
    client = logged_in(staff_with(LOOK, REVIEW))
    for reason in ("", "short", "x" * 200):
        answer = act(client, waiting, name, reason)
        assert answer.status_code == 302
        assert "Type a reason" in client.get(answer["Location"]).content.decode()
    assert entries() == []
    assert Selfie.objects.waiting().exists()


def test_a_look_shows_the_frames_and_is_on_record(waiting: Selfie) -> None:
    client = logged_in(staff_with(LOOK))
    assert b"data:image" not in client.get(f"/admin/twins/selfie/{waiting.id}/evidence/").content
    page = act(client, waiting, "look")
    assert page.content.count(b"data:image/jpeg") == 17  # 16 frames and the face
    assert "no-store" in page["Cache-Control"]
    assert b"21.5" in page.content  # a measure
    assert entries() == [("view_evidence", str(waiting.id), REASON)]


@pytest.mark.parametrize(
    "right, forbidden", [(LOOK, "pass"), (LOOK, "refuse"), (REVIEW, "look"), ("twins.view_selfie", "look")]
)
def test_each_act_needs_its_own_right(waiting: Selfie, right: str, forbidden: str) -> None:
    assert act(logged_in(staff_with(right)), waiting, forbidden).status_code == 403
    assert entries() == []
    assert Selfie.objects.waiting().exists()


def test_people_who_are_no_staff_do_not_get_there(waiting: Selfie, client: Any, twin: Twin) -> None:
    client.force_login(twin.user)
    assert act(client, waiting, "look").status_code in (302, 403)
    assert entries() == []


def test_once_the_frames_are_gone_nobody_looks_and_nobody_passes(
    waiting: Selfie, as_alice: Any, twin: Twin, django_capture_on_commit_callbacks: Any
) -> None:
    Selfie.objects.update(created_at=timezone.now() - timedelta(days=1))
    with django_capture_on_commit_callbacks(execute=True):
        tidy_selfies()
    client = logged_in(staff_with(LOOK, REVIEW))
    for name in ("look", "pass"):
        act(client, waiting, name)
    assert entries() == []
    assert not Proof.objects.exists()
    answer = as_alice.get(f"/api/v1/twins/{twin.id}/verification").json()
    assert (answer["code"], answer["challenge"] is None) == ("selfie_not_reviewed", False)


def test_a_withdrawn_consent_leaves_nothing_to_pass(waiting: Selfie, twin: Twin) -> None:
    consents.withdraw(twin.user, kind="biometric_twin")
    act(logged_in(staff_with(REVIEW)), waiting, "pass")
    assert not Proof.objects.exists()
    waiting.refresh_from_db()
    assert (waiting.embedding, waiting.measures) == (None, {})


def test_lists_show_proofs_and_selfies_and_no_face(waiting: Selfie, admin_client: Any) -> None:
    act(admin_client, waiting, "pass")
    proof = Proof.objects.get()
    for page in (
        "/admin/twins/proof/",
        f"/admin/twins/proof/{proof.id}/change/",
        "/admin/twins/selfie/?review=maybe_minor",
        f"/admin/twins/selfie/{waiting.id}/change/",
        "/admin/twins/invitation/",
    ):
        answer = admin_client.get(page)
        assert answer.status_code == 200, page
        assert b"data:image/jpeg" not in answer.content
        assert b"embedding" not in answer.content
    for page in ("proof", "selfie", "invitation"):
        assert admin_client.get(f"/admin/twins/{page}/add/").status_code == 403
