"""The main flow of a new user on a phone, with the quick engine of tests/studio.py.

With --thorough it also runs at desktop size, and at phone size with the real engine.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.notices.models import Notice
from tests.browser.conftest import Site, shot, until
from tests.conftest import jpeg
from tests.processes import wait_for
from tests.trained import drawn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize(
    "size, engine",
    [
        ("phone", "paint"),
        pytest.param("desktop", "paint", marks=pytest.mark.thorough),
        pytest.param("phone", "real", marks=pytest.mark.thorough),
    ],
)
def test_the_walk(site: Site, size: str, engine: str, tmp_path: Path) -> None:
    site.workers.hold("training")
    site.workers.start(studio=engine)
    page = site.visit(size)
    sign_up(page, "walker@example.com")
    expect(page.get_by_text("We sent a link to walker@example.com")).to_be_visible()
    make_twin(page, files(tmp_path, 14) if engine == "paint" else drawn_files(tmp_path, 14))
    if size == "phone":  # what is next stays in sight, however many photos there are
        expect(page.locator(".train-bar")).to_be_in_viewport(ratio=1)
        expect(page.locator(".train-bar")).to_contain_text("photos")
    prove_the_address(page, site)
    train(page, site, engine)
    two_pictures(page, size)
    one_picture(page, size)
    third_and_no_fourth(page)
    a_long_prompt_is_told(page)
    credits_from_staff(site)
    marks_tags_downloads_deletes(page, tmp_path)
    assert site.complaints == []


def files(folder: Path, count: int) -> list[Path]:
    made = []
    for i in range(count):
        path = folder / f"photo-{i}.jpg"
        path.write_bytes(jpeg(20 + i * 11))
        made.append(path)
    return made


def drawn_files(folder: Path, count: int) -> list[Path]:
    made = []
    for i, data in enumerate(drawn(6, count)):
        path = folder / f"photo-{i}.jpg"
        path.write_bytes(data)
        made.append(path)
    return made


def sign_up(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Make my twin").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_role("button", name="Sign up").click()


def make_twin(page: Page, photos: list[Path]) -> None:
    page.goto("/twins/")
    page.get_by_role("link", name="Make my twin").click()
    expect(page.get_by_role("heading", name="Photos that work")).to_be_visible()
    page.get_by_label("Name of the twin").fill("Me")
    page.get_by_role("button", name="Go on to the photos").click()
    page.get_by_role("button", name="Agree and go on").click()  # the form refuses, as the box is not ticked
    page.get_by_label("I have read this and agree.").check()
    page.get_by_role("button", name="Agree and go on").click()
    page.locator("#files").set_input_files(photos)
    tiles = page.locator("#photos .photo")
    expect(tiles).to_have_count(len(photos))
    expect(page.locator("#photos .checking")).to_have_count(0)
    taken = page.locator("#photos .accepted").count()
    assert taken >= 12
    expect(page.locator("#state")).to_contain_text(f"{taken} photos")
    expect(
        page.locator("#state .needs li, #state p.ok").first
    ).to_be_visible()  # hints on the photos, or that none are missing


def prove_the_address(page: Page, site: Site) -> None:
    """Opens the link in the e-mail that the page offers to send again."""
    where = page.url
    expect(page.get_by_role("button", name="Send the e-mail again")).to_be_visible()
    mails = "".join(mail.read_text() for mail in site.mails.glob("*"))
    link = re.search(r"/accounts/confirm-email/\S+/", mails)
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("walker@example.com is confirmed.")).to_be_visible()
    page.goto(where)
    expect(page.get_by_role("button", name="Send the e-mail again")).to_have_count(0)


def train(page: Page, site: Site, engine: str) -> None:
    page.get_by_role("button", name="Train · free").click()
    expect(page.get_by_role("heading", name="In training")).to_be_visible()
    if engine == "paint":
        wait_for(site.workers.steps)
    page.reload()
    expect(page.get_by_role("heading", name="In training")).to_be_visible()
    page.get_by_role("link", name="Gallery").first.click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    site.workers.let_go()
    ready = page.locator("#toasts").get_by_role("link", name="Your twin is ready.")
    expect(ready).to_be_visible(timeout=300_000)
    assert Notice.objects.filter(kind="training_done").count() == 1
    page.locator("#toasts").get_by_role("link").click()
    expect(page.get_by_text("ready for pictures")).to_be_visible()


def two_pictures(page: Page, size: str) -> None:
    page.get_by_role("link", name="Studio").first.click()
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_be_visible()
    page.wait_for_load_state()  # the page's scripts run before its load event
    expect(prompt).to_have_value("smiling, in a park, wearing a red hoodie")  # one press would make it
    prompt.click()
    page.keyboard.type("smil")  # takes its place
    expect(page.get_by_role("option").first).to_have_text("smiling")
    prompt.press("ArrowDown")
    prompt.press("Enter")
    expect(prompt).to_have_value("smiling")
    expect(page.get_by_role("button", name="Create · 2 credits")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".result img")).to_have_count(2)
    expect(page.locator("#balance")).to_have_text("1 credit")
    shot(page, f"walk-studio-{size}")


def one_picture(page: Page, size: str) -> None:
    page.locator(".result").first.click()
    picture = page.locator("#picture")
    expect(picture).to_be_visible()
    expect(page.locator("#stage")).to_be_focused()  # its keys work at once
    page.keyboard.press("+")
    expect(picture).to_have_attribute("style", re.compile(r"scale\(1\.4\)"))
    page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("style", re.compile(r"translate\(-60px"))
    page.keyboard.press("0")
    page.get_by_role("button", name="Larger").click()
    expect(picture).to_have_attribute("style", re.compile(r"scale\(1\.5\)"))
    page.get_by_role("button", name="Smaller").click()
    if size == "phone":
        pinch(page)
        expect(picture).not_to_have_attribute("style", re.compile(r"scale\(1\)"))
        page.keyboard.press("0")
        expect(picture).to_have_attribute("style", re.compile(r"scale\(1\)"))
    picture.hover()
    page.mouse.wheel(0, -300)
    expect(picture).not_to_have_attribute("style", re.compile(r"scale\(1\)"))
    page.get_by_role("button", name="Full screen").click()
    until(page, "document.fullscreenElement?.id === 'stage'")
    page.evaluate("document.exitFullscreen()")
    until(page, "!document.fullscreenElement")
    expect(page.locator(".facts")).to_contain_text("Seed")


def pinch(page: Page) -> None:
    """Moves two fingers apart on the picture."""
    box = page.locator("#stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    line = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 70)):
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        line.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def third_and_no_fourth(page: Page) -> None:
    """A repeat with the same seed uses the last free credit. Then the page says so, before a request."""
    page.get_by_role("link", name="Open in the studio").click()
    expect(page.get_by_role("heading", name="What do you want to see?")).to_be_visible()
    expect(page.get_by_text("is fixed: the same words")).to_be_visible()
    page.get_by_role("button", name="Create · 1 credit").click()
    expect(page.locator(".job")).to_have_count(2)
    expect(page.locator(".result img")).to_have_count(3)
    expect(page.get_by_text("is fixed: the same words")).to_be_hidden()
    expect(page.get_by_text("You have no credits left.")).to_be_visible()
    expect(page.get_by_role("button", name="Create")).to_be_hidden()


def a_long_prompt_is_told(page: Page) -> None:
    """What is written without credits stays in the browser until they are there."""
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("smiling, in a park, " * 12 + "wearing a red dress")
    expect(page.get_by_text("This base reads the prompt only up to")).to_be_visible()
    prompt.fill("on a beach, with a hat")
    expect(page.get_by_text("This base reads the prompt only up to")).to_be_hidden()


def credits_from_staff(site: Site) -> None:
    from django.contrib.auth import get_user_model

    boss: Any = get_user_model().objects.create_superuser("staff@example.com", "a long password")
    page = site.visit(user=boss)
    page.goto("/admin/billing/wallet/?q=walker@example.com")
    page.locator("input[name=_selected_action]").first.check()
    page.locator("select[name=action]").first.select_option("grant")
    page.locator("input[name=amount]").first.fill("20")
    page.locator("input[name=reason]").first.fill("a tester")
    page.locator("button[name=index]").first.click()
    expect(page.get_by_text("Given: 20 credits")).to_be_visible()
    page.context.close()
    site.contexts.remove(page.context)


def marks_tags_downloads_deletes(page: Page, folder: Path) -> None:
    page.reload()
    page.locator("#settings > summary").click()
    page.locator("[name=count]").select_option("1")
    page.get_by_role("button", name="Create · 1 credit").click()  # the prompt was kept
    expect(page.locator(".result img")).to_have_count(4)
    page.locator(".job").first.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("on a beach, with a hat")
    page.get_by_role("link", name="Gallery").first.click()
    expect(page.locator(".rows li")).to_have_count(4)
    page.locator(".rows a").first.click()
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Tags").fill("Holiday, beach")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Tags")).to_have_value("beach, holiday")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.goto("/gallery/")
    marks = page.locator(".mark")
    marks.nth(0).check(force=True)
    marks.nth(2).click(modifiers=["Shift"], force=True)
    expect(page.locator("#bulk-count")).to_have_text("3 chosen")
    page.locator("#bulk").get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sum(name.endswith(".png") for name in archive.namelist()) == 3
    page.goto("/gallery/")
    page.locator(".rows a").first.focus()
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("1 chosen")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#bulk").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 picture was deleted.")).to_be_visible()
    expect(page.locator(".rows li")).to_have_count(3)
