"""The pages for programs, at both sizes: a key is made, replaced and ended; a webhook is added and tried."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook as Verifier

from accounts.developers.services import find_key
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.processes import wait_for
from tests.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def prove(page: Page) -> None:
    page.get_by_label("Your password, or a code").locator("visible=true").last.fill("a long password")


@pytest.mark.parametrize(
    "size, theme", [("phone", "dark"), pytest.param("desktop", "light", marks=pytest.mark.thorough)]
)
def test_a_key_is_made_replaced_and_ended(site: Site, alice: Any, size: str, theme: str) -> None:
    page = site.visit(size, theme, user=alice)
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="API keys and webhooks").click()
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


@pytest.mark.thorough
@pytest.mark.parametrize(
    "size, theme", [("phone", "light"), pytest.param("desktop", "dark", marks=pytest.mark.thorough)]
)
def test_a_webhook_is_added_and_tried(site: Site, alice: Any, size: str, theme: str) -> None:
    site.workers.start("io")
    page = site.visit(size, theme, user=alice)
    page.goto("/account/developers/")
    page.get_by_role("link", name="Webhooks", exact=True).click()
    shot(page, f"hooks-none-{size}-{theme}")
    with Receiver() as receiver:
        page.get_by_label("Address").fill(receiver.url("/ok"))
        page.get_by_role("button", name="Add it").click()
        expect(page.get_by_role("heading", name="The secret that signs")).to_be_visible()
        secret = page.locator(".dev-secret").first.inner_text()
        shot(page, f"hooks-added-{size}-{theme}")
        assert looked_over(page) == []
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("A test is on its way.")).to_be_visible()
        wait_for(lambda: len(receiver.taken) == 1)
        Verifier(secret).verify(receiver.taken[0].body.decode(), receiver.taken[0].headers)
    wait_for(lambda: page.reload() and page.get_by_text("delivered", exact=True).is_visible())
    shot(page, f"hooks-log-{size}-{theme}")
    assert looked_over(page) == []
    page.get_by_role("link", name="Webhooks", exact=True).click()
    shot(page, f"hooks-list-{size}-{theme}")
    assert looked_over(page) == []
    assert site.complaints == []
