"""A person without an account has a picture removed, on a phone; staff decide by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from gallery.models import Item
from moderation.cases.models import Case, Decision
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.moderation.pictures import COPIES, drawn, hang, png

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_a_picture_is_taken_down_from_a_phone_and_by_keys(site: Site, alice: Any, admin_user: Any) -> None:
    item = hang(alice, drawn(1, 512))
    phone = site.visit("phone")
    phone.goto("/takedown/")
    assert looked_over(phone) == []
    shot(phone, "takedown-form")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("alert")).to_contain_text("Something is missing")
    shot(phone, "takedown-refused")
    picture = {"name": "me.png", "mimeType": "image/png", "buffer": png(COPIES["mirror"](drawn(1, 512)))}
    phone.get_by_label("The picture itself").set_input_files([picture])  # type: ignore[list-item]
    phone.get_by_label("Your name, as your signature").fill("Ana")
    phone.get_by_label("Your e-mail address").fill("ana@example.com")
    phone.get_by_label("I believe in good faith").check()
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator(".case-state")).to_have_text("A person looks at it.")
    assert looked_over(phone) == []
    shot(phone, "takedown-status")

    desk = site.visit(user=admin_user)
    desk.goto("/admin/moderation/queue/")
    expect(desk.locator(".queue")).to_contain_text(Case.objects.get().number)
    desk.keyboard.press("l")
    desk.keyboard.type("a takedown of today")
    desk.keyboard.press("Enter")
    expect(desk.locator(".queue-copy img")).to_be_visible()
    shot(desk, "takedown-queue")
    desk.keyboard.press("r")
    desk.keyboard.press("1")
    expect(desk.locator("#queue-undo")).to_be_visible()
    item.refresh_from_db()
    assert item.hidden
    desk.keyboard.press("u")
    expect(desk.locator("#queue-undo")).to_have_count(0)  # its word of the last decision names the case too
    expect(desk.locator(".queue")).to_contain_text(Case.objects.get().number)
    assert not Item.objects.get(pk=item.pk).hidden
    desk.keyboard.press("a")
    expect(desk.locator(".queue")).to_contain_text("Nothing waits.")
    assert [made.outcome for made in Decision.objects.all()] == ["keep", "remove"]
    assert [c for c in site.complaints if "422" not in c] == []  # the form that lacks something
