"""Prices, Checkout, credits, the portal, the end of a plan. The Stripe double serves the hosted pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing import audit
from billing.payments import catalogue
from tests.browser.conftest import Site, shot
from tests.payments.page import serve
from tests.payments.stripe import FakeStripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(scope="module")
def account() -> Iterator[FakeStripe]:
    """The Stripe double's server, for its API and hosted pages."""
    fake = FakeStripe()
    with serve(fake, secret="whsec_new"):
        yield fake


@pytest.fixture(scope="module")
def environment(account: FakeStripe) -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEYS": "sk_test_new",
        "STRIPE_WEBHOOK_SECRETS": "whsec_new",
        "STRIPE_API": account.pages,
        "STRIPE_PAGES": account.pages,
    }


@pytest.fixture
def stripe(account: FakeStripe, settings: Any) -> FakeStripe:
    """A new Stripe account at the same address, with our catalogue."""
    account.__dict__.update(FakeStripe().__dict__ | {"pages": account.pages})
    settings.STRIPE_SECRET_KEYS, settings.STRIPE_API = ["sk_test_new"], account.pages
    catalogue.synchronise()
    return account


@pytest.fixture
def shop(stripe: FakeStripe, site: Site) -> Iterator[Site]:
    stripe.notify = f"{site.url}/hooks/stripe"
    yield site
    assert stripe.undelivered == []
    assert [c for c in site.complaints if site.url in c] == []
    assert audit.problems() == []


@pytest.mark.parametrize("size", ["phone", pytest.param("desktop", marks=pytest.mark.thorough)])
def test_choose_creator_pay_and_cancel(shop: Site, alice: Any, size: str) -> None:
    page = shop.visit(size, user=alice)
    page.goto("/pricing/")
    shot(page, f"pricing-{size}")
    page.get_by_role("button", name="Choose Creator").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()  # Stripe's hosted page
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/account/billing/")
    expect(page.locator("#available")).to_have_text("203")
    expect(page.get_by_role("heading", name="Creator")).to_be_visible()
    expect(page.get_by_text("Next payment: $20 on")).to_be_visible()
    shot(page, f"billing-{size}")
    with page.expect_navigation():
        page.get_by_role("button", name="Cancel the plan").click()
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("cancel", re.I)).first.click()
    page.goto("/account/billing/")
    expect(page.get_by_text("It ends on")).to_be_visible()
    page.get_by_role("link", name="Every movement").click()
    expect(page.get_by_role("cell", name="with your plan")).to_be_visible()


def test_an_upgrade_a_pack_and_a_declined_card_by_keyboard(
    shop: Site, alice: Any, stripe: FakeStripe
) -> None:
    page = shop.visit(user=alice)
    page.goto("/pricing/")
    press(page, "Choose Creator")
    press(page, "Decline")
    page.goto("/account/billing/")
    expect(page.locator("#available")).to_have_text("3")
    page.goto("/pricing/")
    press(page, "Choose Creator")
    press(page, "Pay")
    expect(page.locator("#available")).to_have_text("203")
    page.goto("/pricing/")
    with page.expect_navigation():
        press(page, "Change to Pro")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("pro", re.I)).first.press("Enter")
    page.goto("/account/billing/")
    expect(page.get_by_role("heading", name="Pro", exact=True)).to_be_visible()
    page.goto("/pricing/")
    press(page, "Buy 50 credits")
    press(page, "Pay")
    expect(page.locator("#available")).to_have_text("553")
    expect(page.locator("tbody tr")).to_have_count(3)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).press("Enter")


def test_not_enough_credits_keeps_what_was_typed_and_says_where_to_get_some(shop: Site, alice: Any) -> None:
    page = shop.visit("phone", user=alice)
    page.goto("/studio/")
    page.get_by_label("Nobody in particular").check(force=True)  # drafts of the demonstration person are free
    page.get_by_label("Prompt", exact=True).fill("on a beach at sunset")
    page.locator("#settings > summary").click()
    page.locator("[name=count]").select_option("4")
    expect(page.get_by_text("Credits needed: 4. You have 3.")).to_be_visible()
    expect(page.get_by_role("button", name="Create")).to_be_hidden()
    shot(page, "not-enough-phone")
    page.get_by_role("link", name="Get credits").click()
    page.get_by_role("button", name="Buy 50 credits").click()
    page.get_by_role("button", name="Pay").click()
    expect(page.locator("#available")).to_have_text("53")
    page.goto("/studio/")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("on a beach at sunset")
