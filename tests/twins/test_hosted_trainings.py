"""Trainings at a service: what the user sees, what the ledger holds, what was sent."""

from __future__ import annotations

import pytest

from billing import audit
from tests.hosted import Hosted

pytestmark = pytest.mark.django_db


def test_a_twin_is_trained_there(hosted: Hosted, work) -> None:
    hosted.fal.pace(polls=0)
    training = hosted.train()
    assert training.queue == "remote"
    work()
    training.refresh_from_db()
    assert (training.status, training.error_code, training.captured) == ("succeeded", "", 80)
    assert hosted.said() == {"training": ["delivered"], "scene-0": ["delivered"], "scene-1": ["delivered"]}
    assert audit.problems() == []
