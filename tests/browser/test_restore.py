"""A worn picture is sent, restored by the real engine, compared by keyboard, and found in the gallery."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from ml import media
from ml.nano.worn import Wear, wear
from tests.browser.conftest import Site, shot
from tests.browser.household import drawings
from tests.browser.test_look import looked_over

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.thorough]


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_picture_is_restored_and_compared(site: Site, alice: object, size: str) -> None:
    clean = media.to_array(drawings()[0][0])
    worn = media.encode_jpeg(wear(clean, Wear(blur=1.2, noise=6, jpeg=60), np.random.default_rng(1)))
    page = site.visit(size, user=alice)
    page.goto("/studio/")
    page.get_by_role("link", name="Restorations").click()
    page.get_by_label("Picture").set_input_files(
        {"name": "old.jpg", "mimeType": "image/jpeg", "buffer": worn}
    )
    page.get_by_label("× 2").check(force=True)
    shot(page, f"restore-form-{size}-light-en")
    page.get_by_role("button", name="Restore · 1 credit").click()
    site.workers.start(studio="real")
    expect(page.locator(".history .pair img")).to_have_count(2)
    shot(page, f"restore-history-{size}-light-en")
    page.locator(".history .pair").click()
    slider = page.get_by_label("Compare: left the original, right the restored picture")
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#compare").evaluate("e => e.style.getPropertyValue('--cut')") == "100%"
    slider.fill("40")
    shot(page, f"restore-compared-{size}-light-en")
    assert looked_over(page) == []
    page.get_by_label("4", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="In the gallery").click()
    expect(page.locator("#picture")).to_be_visible()
    assert site.complaints == []
