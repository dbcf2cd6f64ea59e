"""A clip is asked for in the studio, watched there and in the gallery, and a picture is animated."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from billing import ledger
from gallery.models import Item
from tests.browser.conftest import Site, shot, until
from tests.gallery.pictures import hang
from tests.test_workers import trained_twin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize("size", ["phone", pytest.param("desktop", marks=pytest.mark.thorough)])
def test_a_clip_is_asked_for_and_watched(site: Site, alice: Any, size: str) -> None:
    twin = trained_twin(alice)
    ledger.grant(ledger.wallet_of(alice), 50, cause="test")
    hang(alice, twin=twin, training=twin.active_training_id)
    page = site.visit(size, user=alice)
    page.goto("/studio/")
    page.get_by_role("link", name="Video").click()
    page.get_by_label("What the clip shows").fill("on a beach")
    page.get_by_role("radio", name="Nod").check(force=True)
    page.locator("#settings > summary").click()
    page.get_by_role("radio", name="4 seconds").check(force=True)
    shot(page, f"clips-form-{size}-light-en")
    page.get_by_role("button", name="Create · 20 credits").click()
    site.workers.start()
    clip = page.locator("video[data-clip]")
    expect(clip).to_have_count(1)
    plays = bool(
        page.evaluate("document.createElement('video').canPlayType('video/mp4; codecs=avc1.64001f')")
    )
    state = "v => [v.paused, v.loop, v.muted, v.controls]"
    assert clip.evaluate(state) == [True, True, True, plays]  # this visitor wants less motion
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_text("4 seconds")).to_be_visible()
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    until(page, f"!document.querySelector('[data-clip]').paused === {str(plays).lower()}")
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    expect(page.locator(".clip-mark")).to_contain_text("0:04")
    page.locator(".rows a").nth(1).click()
    page.get_by_role("link", name="Animate").click()
    expect(page.get_by_text("This picture moves.")).to_be_visible()
    page.get_by_role("button", name="Create · 15 credits").click()
    expect(page.locator("#jobs .job")).to_have_count(2)
    page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => ''")  # a browser without H.264
    page.goto(f"/gallery/{Item.objects.filter(kind='video').earliest('created_at').id}/")
    expect(page.locator(".clips-unplayable")).to_contain_text("This browser plays no H.264 video.")
    expect(page.locator(".clips-unplayable").get_by_role("link", name="Download")).to_be_visible()
    assert site.complaints == []
