"""A clip at a service: what the user gets, what the ledger holds, what is booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import TestCase

from billing import audit
from billing.engines.models import RemoteRequest
from gallery.models import Item
from generation.clips.services import request_clip
from generation.tasks import render
from support.insights.costs import costs_by_engine_and_kind
from support.insights.figures import Period
from tests.hosted import Hosted

pytestmark = pytest.mark.django_db


def test_a_clip_is_made_there_and_paid_here(hosted: Hosted) -> None:
    base: Any = hosted.engine.base
    sides = dict.fromkeys(base.sizes.by_aspect, (256, 256))
    hosted.engine.base = replace(base, sizes=replace(base.sizes, by_aspect=sides))
    with TestCase.captureOnCommitCallbacks(execute=True):
        job = request_clip(
            hosted.twin.user, prompt="in a park", engine="fal", seed=5, action="she waves to us"
        )
    assert (job.queue, job.price) == ("remote", 15)
    with TestCase.captureOnCommitCallbacks(execute=True):
        render(str(job.id))
    job.refresh_from_db()
    assert (job.status, job.error_code, job.captured) == ("succeeded", "", 15)
    clip = Item.objects.get(kind="video")
    assert (clip.engine, clip.duration, clip.width) == ("fal", 3.0, 256)
    assert hosted.said()["clip-5"] == ["delivered"]
    assert RemoteRequest.objects.get(work="clip-5").cents == 15
    pictures = RemoteRequest.objects.exclude(work="clip-5")
    days = Period(job.created_at.date(), job.created_at.date() + timedelta(days=1))
    spent = {(cost.engine, cost.kind): cost.cents for cost in costs_by_engine_and_kind(days)}
    assert (pictures.count(), spent["fal", "video"]) == (3, Decimal("15") + 3 * Decimal("3.5"))
    assert audit.problems() == []
