"""What is kept of a live selfie: frames for a day, vectors until the consent ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import consents
from accounts.vault.vault import store
from tests.conftest import client_of, person
from tests.studio import JudgeDouble
from tests.twins.sittings import draw, send, sit, where
from twins import services
from twins.models import Twin
from twins.proof.forgetting import tidy_selfies
from twins.proof.models import Challenge, Proof, Selfie

pytestmark = pytest.mark.django_db
Work = Callable[[], int]


def kept(twin: Twin) -> list[str]:
    """The files of selfies in the owner's vault."""
    files = store(twin.user_id)
    names = [name for s in Selfie.objects.all() for name in (s.frames_file, s.face_file)]
    return [name for name in names if files.exists(name)]


def test_frames_are_sealed_and_go_within_a_day_and_the_fact_stays(
    as_alice: Any, twin: Twin, photos: Any, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    sit(as_alice, twin, work)
    assert len(kept(twin)) == 2
    assert tidy_selfies() == 0
    Selfie.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert tidy_selfies() == 1
    assert kept(twin) == []
    assert tidy_selfies() == 0
    selfie = Selfie.objects.get()
    assert (selfie.accepted, len(selfie.frames_hash), len(selfie.frame_hashes)) == (True, 64, 16)
    assert as_alice.get(where(twin)).json()["status"] == "verified"


def test_withdrawal_takes_vectors_measures_and_frames_at_once(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    sit(as_alice, twin, work)
    assert as_alice.delete("/api/v1/consents/biometric_twin").status_code == 204
    proof, selfie = Proof.objects.get(), Selfie.objects.get()
    assert proof.ended_at
    assert (proof.embedding, selfie.embedding, selfie.measures, selfie.likeness) == (None, None, {}, [])
    assert kept(twin) == []
    assert selfie.frames_hash
    consents.give(twin.user, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    assert not Proof.objects.live().exists()


def test_a_withdrawal_while_it_is_checked_makes_no_proof(
    as_alice: Any, twin: Twin, photos: Any, work: Work, judge: JudgeDouble
) -> None:
    judge.on_step = lambda stage, share: consents.withdraw(twin.user, kind="biometric_twin")
    send(as_alice, twin, draw(as_alice, twin))
    work()
    assert not Proof.objects.exists()
    assert Selfie.objects.get().accepted is None
    assert kept(twin) == []


def test_a_deleted_twin_leaves_nothing_of_its_selfies(
    as_alice: Any, twin: Twin, photos: Any, work: Work, django_capture_on_commit_callbacks: Any
) -> None:
    sit(as_alice, twin, work)
    names, files = kept(twin), store(twin.user_id)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_twin(twin)
    assert not any(map(files.exists, names))
    assert not Selfie.objects.exists()
    assert not Challenge.objects.exists()


def test_an_archive_holds_the_facts_of_ones_selfies(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    from twins.proof.exports import proofs

    sit(as_alice, twin, work)
    (member,) = proofs(twin.user)
    text = b"".join(member.chunks or ())
    assert b'"frames_hash"' in text
    assert b"token" not in text
    assert list(proofs(person("carol@example.com"))) == []


def test_nobody_elses_frames_are_touched_by_a_sweep_of_old_ones(
    as_alice: Any, twin: Twin, photos: Any, work: Work
) -> None:
    sit(as_alice, twin, work)
    assert tidy_selfies() == 0
    assert set(Selfie.known_files(twin.user_id)) == set(kept(twin))
    assert client_of(twin.user).get(where(twin)).status_code == 200
