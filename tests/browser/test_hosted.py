"""A twin made by another company's engine, from the photos to the gallery: the choice, the consent, the live
selfie, the training and a picture. A real `remote` worker asks the double of fal.

It runs with --thorough: at both sizes, and with the real judge and full pictures of a drawn person.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from billing import ledger
from ml import media
from tests.browser.conftest import SIZES, Site, shot
from tests.browser.test_selfie import film, filming, sit  # noqa: F401
from tests.browser.test_walk import drawn_files, make_twin
from tests.ml.remote import shades
from tests.processes import Workers
from tests.remote import FalDouble

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.thorough]
BUSY = re.compile("Waiting there for a free machine|Learning your face")  # as fast as the double is looked at
CHOICE = "Photographic (fal.ai)"


@pytest.fixture(scope="module")
def environment(fal_process: FalDouble) -> dict[str, str]:
    return {
        "FAL_URL": fal_process.address,
        "FAL_KEYS": fal_process.keys[0],
        "STUDIO_PROFILES": "nano,fal",
        "LIKENESS_FLOOR": "True",
    }


@pytest.mark.parametrize("size, studio", [("phone", "paint"), ("desktop", "paint"), ("phone", "real")])
def test_the_walk_with_an_engine_elsewhere(
    site: Site,
    alice: Any,
    fal: FalDouble,
    filming: Browser,  # noqa: F811
    tmp_path: Path,
    size: str,
    studio: str,
) -> None:
    ledger.grant(ledger.wallet_of(alice), 100, cause="staff:test")
    site.workers.start(studio=studio)
    remote = Workers(tmp_path, **site.environment, ORIGIN=site.url)
    remote.start(
        "remote", studio="hosted" if studio == "paint" else studio, pool=("--pool", "threads", "-c", "4")
    )
    try:
        page = visit(site, filming, size, alice)
        make_twin(page, files(tmp_path) if studio == "paint" else drawn_files(tmp_path, 14))
        choose(page, size)
        selfie(page)
        train(page, fal, size)
        paint(page, size)
        withdraw(page)
    finally:
        remote.stop()
    assert fal.breaches == []
    assert site.complaints == []


def visit(site: Site, filming: Browser, size: str, user: Any) -> Page:  # noqa: F811
    """A page of a browser with a camera, logged in."""
    cookies = site.visit(user=user).context.cookies()
    context = filming.new_context(
        **SIZES[size], base_url=site.url, color_scheme="light", reduced_motion="reduce", locale="en"
    )
    site.contexts.append(context)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    page.on("console", lambda m: site.complaints.append(m.text) if m.type == "error" else None)
    page.set_default_timeout(180_000)
    return page


def files(folder: Path) -> list[Path]:
    """Photos of one person, for the worker that knows faces by their colours."""
    made = []
    for photo in shades(12):
        made.append(folder / f"{photo.id}.jpg")
        made[-1].write_bytes(media.encode_jpeg(media.to_array(photo.clean).repeat(3, 0).repeat(3, 1)))
    return made


def choose(page: Page, size: str) -> None:
    """By keyboard: the engine, the tick that is asked for, and on to the selfie."""
    expect(page.get_by_role("button", name="Train · free")).to_be_visible()
    page.get_by_label("Built-in preview").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label(CHOICE)).to_be_checked()
    expect(page.get_by_role("button", name="Train · free")).to_be_hidden()
    go_on = page.get_by_role("button", name="Go on to the live selfie")
    go_on.click()  # the form refuses, as the box is not ticked
    tick = page.get_by_label("I have read this and agree.")
    expect(tick).to_be_focused()
    shot(page, f"hosted-choice-{size}")
    page.keyboard.press("Space")
    page.clock.install()
    go_on.click()


def selfie(page: Page) -> None:
    expect(page.get_by_role("heading", name="The live selfie")).to_be_visible()
    sit(page, "hosted")
    page.clock.resume()
    page.get_by_role("link", name="Back to the twin").click()
    expect(page.get_by_text("Verified by a live selfie on")).to_be_visible()
    expect(page.get_by_label(CHOICE)).to_be_checked()


def train(page: Page, fal: FalDouble, size: str) -> None:
    fal.pace(fal.TRAINER, hold=True)
    page.get_by_role("button", name="Train · 80 credits").click()
    expect(page.get_by_role("heading", name="In training")).to_be_visible()
    expect(page.locator("#state [role=status]")).to_contain_text(BUSY)
    shot(page, f"hosted-training-{size}")
    (request,) = fal.submitted(fal.TRAINER)
    assert "alice" not in str(request)
    fal.pace(polls=0)
    fal.finish()
    expect(page.locator(".version")).to_contain_text("Trained by: Photographic (fal.ai).")
    shot(page, f"hosted-version-{size}")


def paint(page: Page, size: str) -> None:
    page.get_by_role("link", name="Make pictures").click()
    expect(page.get_by_text("Your words and the model of your twin go to fal.ai")).to_be_visible()
    expect(page.get_by_label("Built-in preview")).to_be_hidden()  # it does not know this twin
    page.get_by_label("Prompt", exact=True).fill("in a park")
    page.locator("[name=count]").select_option("1")
    shot(page, f"hosted-studio-{size}")
    page.get_by_role("button", name="Create · 1 credit").click()
    expect(page.locator(".result img")).to_have_count(1)
    page.locator(".result").click()
    expect(page.locator(".facts")).to_contain_text("fal.ai, FLUX.1-dev")
    shot(page, f"hosted-item-{size}")
    page.get_by_role("link", name="Gallery").first.click()
    expect(page.locator(".rows li")).to_have_count(1)


def withdraw(page: Page) -> None:
    page.goto("/account/privacy/")
    company = page.locator("form.consent", has_text="fal.ai")
    company.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Withdrawn.")).to_be_visible()
    page.goto("/studio/")
    expect(page.get_by_label("I have read this and agree.")).to_be_visible()
    page.get_by_label("Nobody in particular").check(force=True)
    expect(page.get_by_label("I have read this and agree.")).to_be_hidden()
    expect(page.get_by_label("Built-in preview")).to_be_visible()
    expect(page.get_by_label(CHOICE)).to_be_checked()
