"""A suspended person reads why and appeals; the same account proves its age and takes the proof back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.standing.models import Suspension
from moderation.adult.models import AgeCheck
from moderation.standing.models import Strike
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.conftest import jpeg

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize("size", ["phone", pytest.param("desktop", marks=pytest.mark.thorough)])
def test_a_person_appeals_and_proves_their_age(site: Site, alice: Any, size: str) -> None:
    soon = timezone.now() + timedelta(days=7)
    Strike.objects.create(user=alice, rule="hate", expires_at=soon)
    Strike.objects.create(user=alice, rule="conduct", text="You insulted three people.", expires_at=soon)
    held = Suspension.objects.create(user=alice, reason="abuse", text="You insulted people.", until=soon)
    page = site.visit(size, user=alice)
    page.goto("/account/")
    page.get_by_role("link", name="Why, until when").click()
    expect(page.get_by_text("You insulted people.")).to_be_visible()
    page.get_by_text("What gives strikes").click()
    shot(page, f"suspended-{size}")
    assert looked_over(page) == []
    page.get_by_label("What did we overlook?").fill("They asked me to be rude.")
    page.get_by_role("button", name="Appeal").click()
    expect(page.get_by_text("You appealed.")).to_be_visible()
    Suspension.objects.filter(id=held.id).update(lifted_at=timezone.now())
    page.goto("/account/privacy/")
    page.get_by_role("link", name="Adult content").click()
    assert looked_over(page) == []
    shot(page, f"age-{size}")
    page.get_by_label("passport").set_input_files(
        {"name": "d.jpg", "mimeType": "image/jpeg", "buffer": jpeg(5)}
    )
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("waits to be looked at")).to_be_visible()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Your proof of age is deleted.")).to_be_visible()
    assert not AgeCheck.objects.exists()
    assert site.complaints == []
