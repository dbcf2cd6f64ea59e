"""What the policy answers about pictures, and what follows: refused, reviewed by a person, or let through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gallery.sharing import links
from ml import pdq, safety
from moderation import policy
from moderation.cases import deciding
from moderation.cases.models import Case
from moderation.hashes.models import BlockedHash
from moderation.models import AuditEntry
from moderation.policy import Action
from moderation.standing.models import Strike
from moderation.standing.rules import RULES
from tests.conftest import jpeg
from tests.moderation.pictures import drawn, hang
from tests.moderation.test_hashes import flipped

pytestmark = pytest.mark.django_db


class Says(safety.Detector):
    """A detector with one answer; None: it does not answer."""

    def __init__(self, label: str | None):
        super().__init__([])
        self.label = label

    def judge(self, picture: np.ndarray) -> safety.PictureVerdict:
        if self.label is None:
            raise OSError
        return safety.PictureVerdict(not self.label, float(bool(self.label)), self.label, "test")


@pytest.fixture
def detector() -> Any:
    """Sets what the detector says."""
    yield lambda label: safety.use_detector(Says(label))
    safety.use_detector(safety.Detector(safety.detector_command()))


def listed(away: int, number: int = 1, source: str = "StopNCII") -> None:
    """A hash that differs by so many bits from one of the forms of drawn(1)."""
    bits = pdq.forms(drawn(1))[number].bits
    BlockedHash.of(flipped(bits, away), source=source, date="2026-11-02").save()


@pytest.mark.parametrize(
    "label, action, code",
    [
        ("", Action.ALLOW, ""),
        ("FEMALE_BREAST_EXPOSED", Action.REFUSE, "picture_unsafe"),
        (None, Action.REFUSE, "screening_unavailable"),
    ],
)
def test_an_upload_is_refused_by_the_detector_and_without_it(
    detector: Any, label: str | None, action: Action, code: str
) -> None:
    detector(label)
    answer = policy.of_upload(drawn(1))
    assert (answer.action, answer.code) == (action, code)
    assert (policy.DETECTOR in answer.screened) == (label is not None)
    assert (policy.DETECTOR in answer.missing) == (label is None)
    assert policy.AGE in answer.missing  # nobody estimates it here, and nobody says so


@pytest.mark.parametrize("away, action", [(16, Action.REFUSE), (26, Action.REVIEW), (40, Action.ALLOW)])
def test_a_sure_copy_is_refused_and_a_doubtful_one_waits_for_a_person(away: int, action: Action) -> None:
    listed(away, number=4)
    answer = policy.of_picture(drawn(1))
    assert answer.action == action
    assert answer.rule == ("" if action == Action.ALLOW else "StopNCII")
    assert policy.HASHES in answer.screened


def test_a_picture_too_plain_to_be_known_again_is_not_said_to_be_screened() -> None:
    assert policy.HASHES in policy.of_picture(np.zeros((64, 64, 3), np.uint8)).missing


def test_what_must_be_reviewed_is_in_the_queue_once_and_shown_to_nobody_else(alice: Any, staff: Any) -> None:
    listed(26, number=4)
    item = hang(alice, drawn(1))
    policy.check_picture(alice.id, drawn(1), subject=("item", item.id))
    case = Case.objects.get()
    assert (case.kind, case.subject_id, case.owner, case.count) == ("screening", str(item.id), alice, 1)
    with pytest.raises(policy.UnderReview):
        links.share_items(alice, [item.id])
    deciding.decide(case, actor=staff, outcome="keep", reason="allowed")
    assert links.share_items(alice, [item.id])
    assert not Strike.objects.exists()


def test_uploads_of_listed_pictures_that_repeat_are_a_strike_and_results_are_none(
    alice: Any, bob: Any
) -> None:
    listed(0, number=0)
    for _each in range(RULES["listed_picture"].after):
        with pytest.raises(policy.PictureBlocked):
            policy.check_upload(alice.id, drawn(1))
    assert Strike.objects.get().rule == "listed_picture"
    for _each in range(4):
        with pytest.raises(policy.PictureBlocked):
            policy.check_picture(bob.id, drawn(1))
    assert not Strike.objects.filter(user=bob).exists()


def test_a_reference_that_was_listed_since_makes_nothing(as_alice: Any, alice: Any, engine: Any) -> None:
    item = hang(alice, drawn(1))
    listed(0, number=0)
    asked = {"prompt": "in a park", "reference": str(item.id)}
    answer = as_alice.post("/api/v1/generations", asked, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "picture_blocked")


def test_an_unsafe_picture_is_not_restored_and_costs_nothing(
    as_alice: Any, alice: Any, work: Any, detector: Any
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from billing import ledger
    from generation.models import Job

    ledger.grant(ledger.wallet_of(alice), 20, cause="test")
    detector("FEMALE_BREAST_EXPOSED")
    as_alice.post("/api/v1/restorations", {"image": SimpleUploadedFile("p.jpg", jpeg(3))}, format="multipart")
    work()
    job = Job.objects.get()
    assert (job.status, job.error_code, job.captured) == ("failed", "picture_unsafe", 0)
    assert "nudity" in job.error_detail
    assert AuditEntry.objects.get().verb == "upload_refused"
