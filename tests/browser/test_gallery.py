"""A gallery of many pictures, a thousand with --thorough: the DOM stays small, and chosen pictures stay
chosen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, until
from tests.plugin import Share

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PICTURES = 1000, 450  # with --thorough, and without


@pytest.fixture
def gallery(site: Site, alice: Any, share: Share) -> Page:
    """Items without files: a missing picture keeps its space."""
    from gallery.models import Item

    now = timezone.now().replace(year=2026, month=11, day=20, hour=12)
    Item.objects.bulk_create(
        Item(
            user=alice,
            created_at=now - timedelta(hours=8 * i),
            width=512,
            height=(512, 640, 340)[i % 3],
            size=1,
            etag="x",
            prompt=f"picture {i}",
        )
        for i in range(share.number(*PICTURES))
    )
    page = site.visit(user=alice)
    page.goto("/gallery/")
    return page


def few_nodes(page: Page) -> None:
    """Waits until the browser has removed the parts that are far from the screen."""
    until(page, "document.querySelectorAll('*').length <= 500")


def scroll_to(page: Page, text: str) -> None:
    """Scrolls to the end of the last part until the picture is in the page."""
    parts = page.locator("#rows > .part")
    while not page.get_by_role("img", name=text, exact=True).count():
        there = parts.count()
        parts.last.evaluate("(part) => part.scrollIntoView({ block: 'end' })")
        expect(parts.nth(there)).to_be_attached()


def test_few_nodes_however_far_and_what_was_chosen_stays(gallery: Page) -> None:
    gallery.get_by_label("Choose: picture 0", exact=True).check(force=True)
    gallery.locator("#q").focus()  # parts with the focus are not removed
    few_nodes(gallery)
    scroll_to(gallery, "picture 400")
    gallery.get_by_label("Choose: picture 400", exact=True).check(force=True)
    few_nodes(gallery)
    expect(gallery.get_by_label("Choose: picture 0", exact=True)).to_have_count(0)  # far away: removed
    expect(gallery.locator("#bulk-count")).to_have_text("2 chosen")
    gallery.evaluate("scrollTo(0, 0)")
    expect(gallery.get_by_label("Choose: picture 0", exact=True)).to_be_checked()
    few_nodes(gallery)
    with gallery.expect_navigation():
        gallery.locator("#bulk").get_by_role("button", name="Mark as favourite").click()
    gallery.goto("/gallery/?favourite=true")
    expect(gallery.locator(".rows li")).to_have_count(2)


# Of the second the rows have a fraction of a pixel.
@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.thorough), 768])
def test_every_row_is_full_and_no_picture_is_cut_much(gallery: Page, width: int) -> None:
    gallery.set_viewport_size({"width": width, "height": 900})
    rows = gallery.evaluate(
        """async () => { const frame = () => new Promise(requestAnimationFrame);
        await frame(); await frame(); // it is laid out anew
        const tops = new Map(), { left, width } = document.getElementById("rows").getBoundingClientRect();
        for (const li of document.querySelectorAll(".rows > li")) { const box = li.getBoundingClientRect();
          tops.set(Math.round(box.top), Math.max(tops.get(Math.round(box.top)) ?? 0, box.right)); }
        return [...tops.values()].map((right) => right - left - width); }"""
    )
    assert max(rows) <= 0.5
    # Two rows may be short: the newest day has two pictures, and the last day here continues below.
    assert sum(short < -1 for short in rows) <= 2
    assert gallery.evaluate(
        """[...document.querySelectorAll('.rows > li')]
        .every((li) => li.clientHeight > 60 && li.clientHeight < 400)"""
    )


@pytest.mark.thorough  # by default tests/gallery asks for months
def test_a_month_is_gone_to_by_its_name_and_by_the_scale(gallery: Page) -> None:
    gallery.get_by_text("Filters").click()
    gallery.locator("#months").select_option(label="March 2026")
    gallery.get_by_role("button", name="Show").click()
    expect(gallery.locator(".day").first).to_have_text("March 31, 2026")
    expect(gallery.get_by_role("link", name="Newer")).to_be_visible()
    scale = gallery.locator("#scale input")
    expect(scale).to_have_attribute("aria-valuetext", "March 2026")
    scale.focus()
    gallery.keyboard.press("ArrowDown")
    expect(scale).to_have_attribute("aria-valuetext", "February 2026")
    expect(gallery.locator(".day").first).to_have_text("March 31, 2026")  # Enter has not been pressed yet
    with gallery.expect_navigation():
        gallery.keyboard.press("Enter")
    expect(gallery.locator(".day").first).to_have_text("Feb. 28, 2026")


def test_the_keyboard_goes_from_picture_to_picture_and_chooses(gallery: Page) -> None:
    gallery.locator(".rows a").first.focus()
    gallery.keyboard.press("x")
    gallery.keyboard.press("Shift+ArrowRight")
    gallery.keyboard.press("Shift+ArrowRight")
    expect(gallery.locator("#bulk-count")).to_have_text("3 chosen")
    gallery.keyboard.press("Escape")
    expect(gallery.locator("#bulk")).not_to_be_visible()
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("Enter")
    expect(gallery.get_by_role("heading", name="picture 3")).to_be_visible()
    gallery.wait_for_load_state()  # the page's scripts run before its load event
    gallery.keyboard.press("ArrowLeft")
    expect(gallery.get_by_role("heading", name="picture 2")).to_be_visible()


def test_the_back_button_comes_back_to_the_picture(gallery: Page) -> None:
    scroll_to(gallery, "picture 100")
    gallery.get_by_role("img", name="picture 100", exact=True).click()
    expect(gallery.get_by_role("heading", name="picture 100")).to_be_visible()
    gallery.keyboard.press("Escape")
    expect(gallery.get_by_role("img", name="picture 100", exact=True)).to_be_in_viewport()
