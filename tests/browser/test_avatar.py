"""The avatar before a training in a browser: with keyboard, with touch, and without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, shot
from tests.conftest import person
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.thorough]


@pytest.fixture
def ready() -> Any:
    """alice's twin with ten real photos and their avatar."""
    from accounts import consents
    from ml.avatar.avatar import Avatar as Drawn
    from ml.avatar.traits import COVERED
    from tests.browser.household import many_photos
    from tests.twins.avatars import ANA, fitted
    from twins.models import Photo
    from twins.services import create_twin

    user = person("alice@example.com")
    for kind in ("terms", "biometric_twin"):
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])
    twin = create_twin(user, name="Alice", subject_class="woman")
    many_photos(twin)
    Photo.objects.update(embedder="dlib-resnet-2")
    return fitted(twin, Drawn(ANA, notes=(COVERED,)))


def opened(site: Site, avatar: Any, **how: Any) -> Page:
    page = site.visit(user=avatar.user, **how)
    page.goto(f"/twins/{avatar.twin_id}/")
    return page


def kept(avatar: Any, **corrections: Any) -> None:
    def same() -> bool:
        avatar.refresh_from_db()
        return bool(avatar.corrections == corrections)

    wait_for(same)


def test_a_keyboard_corrects_it_and_the_picture_follows(site: Site, ready: Any) -> None:
    page = opened(site, ready)
    before = page.locator("#avatar-picture").get_attribute("src")
    page.get_by_label("Tone of the skin").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#avatar-said")).to_have_text("Kept. This is how you will be drawn.")
    expect(page.locator("#avatar-picture")).not_to_have_attribute("src", str(before))
    kept(ready, skin=0.35)
    page.get_by_role("radio", name="Chestnut").focus()
    page.keyboard.press("ArrowRight")
    kept(ready, skin=0.35, hair_colour="red")
    page.get_by_label("Cut of the hair").select_option("bun")
    kept(ready, skin=0.35, hair_colour="red", hair="bun")
    page.reload()
    page.get_by_role("button", name="As it was read in the photos").click()
    kept(ready)
    assert site.complaints == []


def test_a_finger_corrects_it(site: Site, ready: Any) -> None:
    page = opened(site, ready, size="phone")
    page.get_by_role("radio", name="Round").tap()
    kept(ready, glasses="round")
    page.get_by_role("radio", name="Pink").tap()
    kept(ready, glasses="round", hair_colour="pink")


def test_without_javascript_a_button_corrects_it(site: Site, ready: Any) -> None:
    page = opened(site, ready, java_script_enabled=False)
    page.get_by_label("Cut of the hair").select_option("bob")
    page.get_by_role("button", name="Draw it so").click()
    expect(page.locator("#avatar-picture")).to_have_attribute("src", re.compile("hair=bob"))
    kept(ready, hair="bob")


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible(site: Site, ready: Any, size: str, theme: str) -> None:
    page = opened(site, ready, size=size, theme=theme)
    shot(page, f"avatar-{size}-{theme}")
    found = Axe().run(page).response
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found["violations"]] == []
