"""A link with a password from a phone to a stranger and its end; a picture submitted, approved and liked."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

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


def test_a_picture_is_submitted_approved_and_liked(
    site: Site, alice: Any, bob: Any, admin_user: Any, picture: Any
) -> None:
    owner = site.visit("phone", "dark", user=alice)
    owner.goto(f"/gallery/{picture.id}/")
    owner.get_by_text("Submit this picture").click()
    owner.get_by_label("Your public name").fill("Ana")
    owner.get_by_label("Caption").fill("In the park")
    owner.get_by_role("button", name="Submit", exact=True).click()
    expect(owner.get_by_text("one of us looks at it before others see it").first).to_be_visible()

    staff = site.visit(user=admin_user)
    staff.goto(f"/admin/gallery/publication/{picture.id}/look/")
    staff.get_by_label("Reason").fill("Checked against the rules.")
    staff.get_by_role("button", name="Show the picture").click()
    loaded(staff, ".evidence img")
    shot(staff, "publication-look")
    staff.get_by_role("button", name="Approve").click()
    expect(staff.get_by_text("Approved.")).to_be_visible()

    visitor = site.visit(user=bob)
    visitor.goto("/explore/")
    loaded(visitor, ".share-masonry img")
    visitor.get_by_role("link", name="In the park").click()
    visitor.get_by_role("button", name="Like · 0").click()
    expect(visitor.get_by_role("button", name="Like · 1")).to_have_attribute("aria-pressed", "true")
    shot(visitor, "published-desktop")

    owner.get_by_role("button", name="Withdraw").click()
    expect(owner.get_by_text("It is out of the public gallery.")).to_be_visible()
    answer = visitor.reload()
    assert answer is not None
    assert answer.status == 404
    assert [c for c in site.complaints if "404" not in c] == []
