"""The editor and the repair page: what is dragged and painted is what the server gets."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, shot, until
from tests.browser.test_look import looked_over
from tests.gallery.pictures import HEIGHT, WIDTH, hang

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(params=[pytest.param("desktop", marks=pytest.mark.thorough), "phone"])
def page(request: pytest.FixtureRequest, site: Site, alice: Any) -> Page:
    theme = "light" if request.param == "desktop" else "dark"
    return site.visit(request.param, theme, user=alice)


def drag(page: Page, selector: str, by: tuple[float, float]) -> None:
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=5)
    page.mouse.up()


def test_a_dragged_frame_is_cut_out_of_the_full_picture(site: Site, alice: Any, page: Page) -> None:
    from gallery.models import Item

    item = hang(alice)
    page.goto(f"/gallery/{item.id}/edit/")
    until(page, f"document.getElementById('width').value === '{WIDTH}'")
    assert looked_over(page) == []
    drag(page, "cropper-handle[action=e-resize]", (-60, 0))
    until(page, f"Number(document.getElementById('width').value) < {WIDTH}")
    page.get_by_label("Brightness").fill("20")
    page.get_by_label("Mirror").select_option("horizontal")  # the frame begins anew
    until(page, f"document.getElementById('width').value === '{WIDTH}'")
    drag(page, "cropper-handle[action=e-resize]", (-60, 0))
    until(page, f"Number(document.getElementById('width').value) < {WIDTH}")
    shot(page, f"editor-{page.viewport_size['width']}")  # type: ignore[index]
    width = int(page.locator("#width").input_value())
    page.get_by_role("button", name="Save as a new picture").click()
    expect(page.locator("#picture")).to_be_visible()
    made = Item.objects.get(original=item)
    assert (made.width, made.height) == (width, HEIGHT)
    edits = made.recipe["edits"][0]
    assert (edits["flip"], edits["brightness"], edits["crop"]) == ("horizontal", 20, [0, 0, width, HEIGHT])
    assert site.complaints == []


@pytest.mark.thorough  # by default a frame is cut out, above
def test_a_straightened_picture_is_saved_without_corners(site: Site, alice: Any, page: Page) -> None:
    from gallery.models import Item

    item = hang(alice)
    page.goto(f"/gallery/{item.id}/edit/")
    until(page, f"document.getElementById('width').value === '{WIDTH}'")
    page.get_by_label("Straighten").fill("4")
    until(page, f"Number(document.getElementById('width').value) < {WIDTH}")
    shown = int(page.locator("#width").input_value())
    shot(page, f"straightened-{page.viewport_size['width']}")  # type: ignore[index]
    page.get_by_role("button", name="Save as a new picture").click()
    expect(page.locator("#picture")).to_be_visible()
    assert Item.objects.get(original=item).width == shown
    assert site.complaints == []


def test_what_is_painted_over_is_the_mask(site: Site, alice: Any, page: Page) -> None:
    from accounts.vault.vault import store
    from generation.models import Job, mask_file
    from ml import media

    item = hang(alice)
    page.goto(f"/studio/pictures/{item.id}/repair/")
    expect(page.locator("#by-brush input")).to_be_checked()
    assert looked_over(page) == []
    page.get_by_role("button", name="Paint it again").click()
    expect(page.locator("#nothing")).to_be_visible()
    drag(page, "#brush", (30, 10))
    shot(page, f"repair-{page.viewport_size['width']}")  # type: ignore[index]
    page.get_by_role("button", name="Paint it again").click()
    expect(page.locator(".job")).to_have_count(1)
    job = Job.objects.get()
    assert job.mask
    mask = media.to_array(store(alice.id).read(mask_file(job.mask)))[..., 0] > 127
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[HEIGHT // 2, WIDTH // 2]
    assert 0.002 < mask.mean() < 0.2
    assert site.complaints == []
