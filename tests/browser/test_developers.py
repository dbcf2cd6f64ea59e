"""The pages for developers, at both sizes: a key is made, replaced and ended."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.developers.services import find_key
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def prove(page: Page) -> None:
    page.get_by_label("Your password, or a code").locator("visible=true").last.fill("a long password")


@pytest.mark.parametrize("size, theme", [("phone", "dark"), ("desktop", "light")])
def test_a_key_is_made_replaced_and_ended(site: Site, alice: Any, size: str, theme: str) -> None:
    page = site.visit(size, theme, user=alice)
    page.goto("/account/")
    page.get_by_role("link", name="API keys").click()
    shot(page, f"keys-none-{size}-{theme}")
    page.get_by_label("Name", exact=True).fill("My phone")
    page.get_by_label("train: ").check()
    prove(page)
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", name="The new key “My phone”")).to_be_visible()
    key = page.locator(".dev-secret").first.inner_text()
    assert find_key(key) is not None
    shot(page, f"keys-made-{size}-{theme}")
    assert looked_over(page) == []
    page.get_by_text("Replace it by a new key").click()
    page.locator("details[open] input[type=password]").fill("a long password")
    page.get_by_role("button", name="Make the new key").click()
    expect(page.get_by_text("Replaced; ends")).to_be_visible()
    shot(page, f"keys-two-{size}-{theme}")
    assert looked_over(page) == []
    page.get_by_role("button", name="End the key").last.click()
    expect(page.get_by_text("The key has ended.")).to_be_visible()
    assert find_key(key) is None
    assert site.complaints == []
