"""A link with a password from a phone to a stranger and its end; and a public picture's whole way: submitted,
approved, liked, reported, taken down, appealed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from moderation.cases import watching
from moderation.cases.models import Decision
from tests.browser.conftest import Site, shot
from tests.browser.household import drawings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def picture(alice: Any) -> Any:
    from gallery.models import Item
    from gallery.services import save_item

    png, width, height = drawings()[1][0]
    item = Item(user=alice, width=width, height=height, prompt="in a park", engine="drawn", mark=77)
    for name, value in save_item(alice.id, item.id, png).items():
        setattr(item, name, value)
    item.save()
    return item


def loaded(page: Page, where: str) -> None:
    picture = page.locator(where).first
    expect(picture).to_be_visible()
    assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 100


def test_a_link_with_a_password_is_opened_by_a_stranger_and_ended(
    site: Site, alice: Any, picture: Any
) -> None:
    owner = site.visit("phone", user=alice)
    owner.goto(f"/gallery/{picture.id}/")
    owner.get_by_role("button", name="Share", exact=True).click()
    owner.get_by_label("Password").fill("open sesame")
    shot(owner, "share-new-phone")
    owner.get_by_role("button", name="Make the link").click()
    address = owner.get_by_label("Address of the link").input_value()
    where = "/s/" + address.rpartition("/s/")[2]
    shot(owner, "share-links-phone")

    stranger = site.visit("phone")
    stranger.goto(where)
    for word in ("open barley", "open sesame"):
        stranger.get_by_label("Password").fill(word)
        stranger.get_by_role("button", name="Show the pictures").click()
        if word == "open barley":
            expect(stranger.get_by_role("alert")).to_have_text("This is not the password.")
            shot(stranger, "share-password-phone")
    loaded(stranger, ".share-one img")
    shot(stranger, "shared-phone")

    owner.get_by_role("button", name="End this link").click()
    expect(owner.get_by_text("Nothing is shared")).to_be_visible()
    answer = stranger.reload()
    assert answer is not None
    assert answer.status == 404
    assert [c for c in site.complaints if "422" not in c and "404" not in c] == []


def test_a_picture_is_published_liked_reported_taken_down_and_appealed(
    site: Site, alice: Any, bob: Any, admin_user: Any, picture: Any
) -> None:
    owner = site.visit("phone", "dark", user=alice)
    staff, visitor = site.visit(user=admin_user), site.visit("phone", user=bob)
    submit(owner, picture)
    approve(staff, picture)
    like_and_report(visitor)
    ask_for_removal(site.visit("phone"), f"{site.url}/explore/{picture.id}/")
    staff.goto("/admin/moderation/queue/")
    expect(staff.locator(".queue")).to_contain_text("Ana Who")
    shot(staff, "queue-published")
    for key in "r1":
        staff.keyboard.press(key)
    expect(staff.locator("#queue-undo")).to_be_visible()
    answer = visitor.goto(f"/explore/{picture.id}/")
    assert answer is not None
    assert answer.status == 404

    for made in Decision.objects.all():
        Decision.objects.filter(id=made.id).update(at=made.at - timedelta(minutes=11))
    watching.tell_outcomes()
    appeal(owner)
    staff.goto("/admin/moderation/queue/")
    expect(staff.locator(".queue")).to_contain_text("said so in writing")
    staff.keyboard.press("a")
    expect(staff.locator(".queue-done")).to_be_visible()
    visitor.goto(f"/explore/{picture.id}/")
    loaded(visitor, ".share-one img")
    assert [c for c in site.complaints if "404" not in c] == []


def submit(owner: Page, picture: Any) -> None:
    owner.goto(f"/gallery/{picture.id}/")
    owner.get_by_text("Submit this picture").click()
    owner.get_by_label("Your public name").fill("Ana")
    owner.get_by_label("Caption").fill("In the park")
    owner.get_by_role("button", name="Submit", exact=True).click()
    expect(owner.get_by_text("one of us looks at it before others see it").first).to_be_visible()


def approve(staff: Page, picture: Any) -> None:
    staff.goto(f"/admin/gallery/publication/{picture.id}/look/")
    staff.get_by_label("Reason").fill("Checked against the rules.")
    staff.get_by_role("button", name="Show the picture").click()
    loaded(staff, ".evidence img")
    shot(staff, "publication-look")
    staff.get_by_role("button", name="Approve").click()
    expect(staff.get_by_text("Approved.")).to_be_visible()


def like_and_report(visitor: Page) -> None:
    visitor.goto("/explore/")
    loaded(visitor, ".share-masonry img")
    visitor.get_by_role("link", name="In the park").click()
    visitor.get_by_role("button", name="Like · 0").click()
    expect(visitor.get_by_role("button", name="Like · 1")).to_have_attribute("aria-pressed", "true")
    shot(visitor, "published-phone")
    visitor.get_by_role("link", name="Report", exact=True).click()
    shot(visitor, "report-phone")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.get_by_text("Your report is case PF-")).to_be_visible()


def appeal(owner: Page) -> None:
    """By the notice in the app."""
    owner.goto("/account/notices/")
    shot(owner, "notices-taken-down-phone")
    owner.get_by_role("link", name="We took something of yours down.").click()
    owner.get_by_label("What did we overlook?").fill("She agreed to it, and said so in writing.")
    shot(owner, "decision-phone")
    owner.get_by_role("button", name="Appeal").click()
    expect(owner.get_by_text("You appealed.")).to_be_visible()


def ask_for_removal(person: Page, address: str) -> None:
    """The notice of somebody without an account."""
    person.goto("/takedown/")
    person.get_by_label("Its address").fill(address)
    person.get_by_label("Your name, as your signature").fill("Ana Who")
    person.get_by_label("Your e-mail address").fill("ana@example.com")
    person.get_by_label("I believe in good faith").check()
    person.get_by_role("button", name="Send").click()
    expect(person.locator(".case-state")).to_have_text("A person looks at it.")
