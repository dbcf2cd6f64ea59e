"""A person writes to staff, who answer in the admin: the answer appears without a reload."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.tickets.models import CannedAnswer, Ticket
from tests.browser.conftest import Site, shot
from tests.browser.household import drawings
from tests.browser.test_look import looked_over
from tests.rights import staff_with

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
STAFF = ("view_ticket", "answer_ticket", "look_attachment")


def write(mine: Page) -> None:
    mine.get_by_label("What is it about?").fill("My pictures of yesterday look like somebody else")
    mine.get_by_label("Your words").fill(
        "I trained with ten photos.\nThe first four pictures are not me at all."
    )
    picture = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": drawings()[0][0]}
    mine.get_by_label("Pictures").set_input_files([picture])


def answer(theirs: Page, number: str) -> None:
    """Looks at the picture, keeps a note, and answers with prepared words."""
    theirs.get_by_role("link", name=number).click()
    theirs.get_by_role("button", name="Show picture 1").click()
    expect(theirs.locator(".tickets-look")).to_be_visible()
    theirs.locator("#staff-text").fill("Is it the twin of Tuesday?")
    theirs.get_by_role("button", name="Keep as an internal note").click()
    theirs.get_by_role("button", name="Put into the answer").click()
    expect(theirs.locator("#staff-text")).to_have_value(re.compile("once more"))
    theirs.get_by_role("button", name="Answer", exact=True).click()


@pytest.mark.parametrize(
    "size, theme",
    [
        ("phone", "light"),
        pytest.param("phone", "dark", marks=pytest.mark.thorough),
        pytest.param("desktop", "dark", marks=pytest.mark.thorough),
        pytest.param("desktop", "light", marks=pytest.mark.thorough),
    ],
)
def test_a_conversation_from_the_foot_of_a_page_to_its_end(
    site: Site, alice: Any, size: str, theme: str
) -> None:
    CannedAnswer.objects.create(title="Again", text_en="Please try it once more. The engine is well again.")
    mine, staff = site.visit(size, theme, user=alice), staff_with(*(f"support.{name}" for name in STAFF))
    mine.goto("/pricing/")
    mine.locator(".foot").get_by_role("link", name="Talk to us").click()
    write(mine)
    faults = looked_over(mine)
    shot(mine, f"ticket-new-{size}-{theme}")
    mine.get_by_role("button", name="Send").click()
    expect(mine.locator(".tickets-said img")).to_be_visible()
    theirs = site.visit(size, theme, user=staff)
    theirs.goto("/admin/support/ticket/")
    shot(theirs, f"ticket-queue-{size}-{theme}")
    answer(theirs, Ticket.objects.get().number)
    expect(mine.locator(".tickets-said.by-staff")).to_contain_text("Please try it once more.")
    expect(mine.locator("#tickets-told")).to_have_text("There is a new message.")
    expect(mine.locator(".tickets-said")).to_have_count(2)
    faults += [fault for fault in looked_over(mine) if not fault.startswith("incomplete")]
    shot(mine, f"ticket-chat-{size}-{theme}")
    mine.get_by_label("Your message").fill("It works now. Thank you!")
    mine.keyboard.press("Control+Enter")
    expect(mine.locator(".tickets-said")).to_have_count(3)
    theirs.reload()
    shot(theirs, f"ticket-staff-{size}-{theme}")
    mine.get_by_role("button", name="It is solved").click()
    expect(mine.locator(".tickets-status")).to_have_text("Solved")
    mine.get_by_role("link", name="Your conversations with us").click()
    faults += looked_over(mine)
    shot(mine, f"ticket-list-{size}-{theme}")
    assert faults == []
    assert site.complaints == []
