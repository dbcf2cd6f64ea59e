"""The studio on a phone: what stays in sight, and what is done with a picture without leaving the page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from gallery.models import Item
from generation.models import Job, Output
from generation.presets.models import StudioPreset
from tests.browser.conftest import Site, shot, until
from tests.browser.household import lived_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_a_picture_keeps_the_focus_when_another_arrives(site: Site, alice: Any) -> None:
    lived_in(alice)
    for output in Output.objects.filter(job__user=alice):
        Item.objects.filter(id=output.item).update(job=output.job_id, index=output.index)
    item, other = Item.objects.filter(job__isnull=False, kind="image")[0], Item.objects.filter(job=None)[0]
    preset = StudioPreset.objects.create(user=alice, name="Noir", settings={"style": "noir", "count": 3})
    page = site.visit("phone", user=alice)
    page.goto("/studio/")
    page.locator("#settings > summary").click()
    page.get_by_role("link", name=preset.name).click()
    expect(page.get_by_role("radio", name="Film noir")).to_be_checked()
    expect(page.locator("#create")).to_have_text("Create · 3 credits")
    page.locator("#settings > summary").click()

    box = page.locator(f'[data-item="{item.id}"]').first
    box.locator("> a").focus()
    page.keyboard.press("f")
    expect(box.locator("[data-act=f]")).to_have_attribute("aria-pressed", "true")
    the_tools_stand_below(page, box)
    box.locator("> a").focus()
    top = "document.activeElement.getBoundingClientRect().top"
    before = page.evaluate(top)
    newer = Job.objects.create(user=alice, prompt="on a beach", seed=1, count=2, status="succeeded")
    Item.objects.filter(id=other.id).update(job=newer.id)
    Output.objects.create(job=newer, index=0, item=other.id)
    page.evaluate("dispatchEvent(new Event('part-changed'))")
    expect(page.locator(".job").first).to_contain_text("on a beach")
    until(page, f"document.activeElement.closest('[data-item]')?.dataset.item === '{item.id}'")
    assert abs(page.evaluate(top) - before) < 2
    box_of_prompt = page.locator("#prompt").bounding_box()
    assert box_of_prompt is not None
    assert 0 <= box_of_prompt["y"] < 200  # still in sight
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    shot(page, "studio-keys")
    page.keyboard.press("Escape")
    assert Item.objects.get(id=item.id).favourite
    assert site.complaints == []


def the_tools_stand_below(page: Page, box: Locator) -> None:
    picture, tools = box.locator("img").bounding_box(), box.locator(".studio-acts").bounding_box()
    assert picture is not None
    assert tools is not None
    assert picture["y"] + picture["height"] <= tools["y"]  # a face is not covered
    box.get_by_role("button", name="More", exact=True).click()
    expect(box.get_by_role("link", name="Repair a part")).to_be_visible()
    shot(page, "studio-more")
    page.keyboard.press("Escape")
    expect(box.get_by_role("link", name="Repair a part")).to_be_hidden()
