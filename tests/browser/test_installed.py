"""The installed app on a phone whose connection goes away: it says what cannot be done, and what was asked
for is sent once when the connection is back. And the camera of the wizard, with its hints."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect

from gallery.models import Item
from generation.models import Job
from tests.browser.conftest import Site, shot, until
from tests.browser.test_look import looked_over
from tests.test_workers import trained_twin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
WAITS = "One request waits here. It is sent once, when the connection is back."
CANNOT = "make, restore, share or download pictures"
KEPT = """(async () => { const found = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
  return found; })()"""


@pytest.mark.parametrize(
    ("size", "theme"), [("phone", "dark"), pytest.param("desktop", "light", marks=pytest.mark.thorough)]
)
def test_what_is_asked_for_without_a_connection_waits_and_is_sent_once(
    site: Site, alice: Any, size: str, theme: str
) -> None:
    trained_twin(alice)
    item = Item.objects.create(user=alice, width=64, height=64, size=0, etag="")
    page = site.visit(size, theme, user=alice, service_workers="allow")
    page.goto("/studio/")
    other = page.context.new_page()
    other.goto("/gallery/")
    until(page, "navigator.serviceWorker.ready.then(() => Boolean(navigator.serviceWorker.controller))")
    kept = page.evaluate(KEPT)
    assert "/offline/" in kept
    assert all(path == "/offline/" or path.startswith("/static/") for path in kept)
    assert installable(page) == []
    page.context.set_offline(True)
    ask_for_pictures(page, "on a beach")
    for tab in (page, other):
        expect(tab.get_by_text(WAITS)).to_be_visible()
    shot(page, f"installed-waits-{size}-{theme}")
    page.goto("/gallery/")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="on a beach")).to_be_visible()
    shot(page, f"installed-offline-{size}-{theme}")
    assert looked_over(page) == []
    Session.objects.all().delete()  # it ended meanwhile
    page.context.set_offline(False)
    expect(other.get_by_text("Log in again, and what waits here is sent.")).to_be_visible()
    log_in(page, alice)
    expect(page.get_by_text("“on a beach”: sent.")).to_be_visible()
    expect(other.get_by_text(WAITS)).to_be_hidden()
    assert [job.prompt for job in Job.objects.all()] == ["on a beach"]
    a_lost_answer_makes_no_second_job(page)
    a_refusal_is_shown_and_dropped(page, item)
    nothing_of_another_person_is_left(page)
    page.goto("/account/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Sign up").first).to_be_visible()
    assert page.evaluate("localStorage.getItem('photoflux-person')") is None


@pytest.mark.thorough  # by default it is offline in a tab, above
def test_installed_it_opens_in_a_window_of_its_own_and_says_that_it_is_offline(
    site: Site, alice: Any, tmp_path: Path
) -> None:
    """In a profile of its own: a private window installs nothing. HOME is where Chromium puts the app."""
    trained_twin(alice)
    cookies, chromium = site.visit(user=alice).context.cookies(), site.chromium.browser_type
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    home: Any = os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share")}
    # Playwright's own kind of headless has no apps.
    flags = ["--no-sandbox", "--headless=new"]
    profile = chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=program, args=flags, headless=False, env=home
    )
    with profile:
        profile.add_cookies(cookies)
        page = profile.pages[0]
        page.goto(f"{site.url}/studio/")
        until(page, "navigator.serviceWorker.ready.then(() => Boolean(navigator.serviceWorker.controller))")
        app = install(page)
        assert app.url.startswith(site.url)
        assert app.evaluate("matchMedia('(display-mode: standalone)').matches")
        profile.set_offline(True)
        app.goto(f"{site.url}/gallery/")
        expect(app.get_by_role("heading", name="You are offline")).to_be_visible()
        expect(app.get_by_text(CANNOT)).to_be_visible()
        shot(app, "installed-window")


def install(page: Page) -> Page:
    """Installs the app of this page, as its menu does; the page in the app's window."""
    line = page.context.new_cdp_session(page)
    manifest = line.send("Page.getAppManifest")
    app = {"manifestId": line.send("Page.getAppId")["appId"]}
    assert not manifest["errors"]
    line.send("PWA.install", {**app, "installUrlOrBundleUrl": page.url})
    line.send("PWA.changeAppUserSettings", {**app, "displayMode": "standalone"})
    with page.context.expect_page() as opened:
        line.send("PWA.launch", app)
    until(opened.value, "matchMedia('(display-mode: standalone)').matches")
    return opened.value


def installable(page: Page) -> Any:
    """What Chromium says against installing it."""
    found = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"]
    return [error for error in found if error["errorId"] != "in-incognito"]


def ask_for_pictures(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Create").click()


def log_in(page: Page, user: Any) -> None:
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password", exact=True).fill("a long password")
    page.get_by_role("button", name="Log in", exact=True).click()


def a_lost_answer_makes_no_second_job(page: Page) -> None:
    page.goto("/studio/")
    page.context.set_offline(True)
    ask_for_pictures(page, "in the snow")
    expect(page.get_by_text(WAITS)).to_be_visible()
    page.evaluate(  # the request arrives, but its answer is lost
        """() => { const real = window.fetch;
        window.fetch = async (url, how) => { const answer = await real(url, how);
          if (url !== "/api/v1/generations") return answer;
          window.fetch = real;
          window.arrived = answer.status;
          throw new TypeError(); }; }"""
    )
    page.context.set_offline(False)
    until(page, "window.arrived === 202")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("“in the snow”: sent.")).to_be_visible()
    assert Job.objects.filter(prompt="in the snow").count() == 1


def a_refusal_is_shown_and_dropped(page: Page, item: Item) -> None:
    page.goto(f"/gallery/{item.id}/")
    page.context.set_offline(True)
    page.get_by_role("button", name="♡ Favourite").click()
    expect(page.get_by_text(WAITS)).to_be_visible()
    item.delete()
    page.context.set_offline(False)
    expect(page.locator(".outbox-bad")).to_contain_text("“Favourite”: There is nothing here")
    expect(page.get_by_text(WAITS)).to_be_hidden()


def nothing_of_another_person_is_left(page: Page) -> None:
    page.evaluate(
        """async () => { localStorage.setItem("photoflux-person", "somebody"); await caches.open("left");
        const { add } = await import("/static/outbox.js");
        await add({ user: "somebody", kind: "image", words: "theirs", name: "x", key: "x", at: Date.now(),
          method: "POST", url: "/api/v1/generations", body: { prompt: "theirs" } }); }"""
    )
    page.goto("/gallery/")
    until(page, "import('/static/outbox.js').then((box) => box.waiting()).then((rows) => !rows.length)")
    until(page, "caches.keys().then((names) => names.length === 1 && names[0] !== 'left')")
    assert not Job.objects.filter(prompt="theirs").exists()


@pytest.fixture
def filming(chromium: Browser) -> Iterator[Browser]:
    """A browser with a camera, which it may use."""
    args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox"]
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    browser = chromium.browser_type.launch(executable_path=path, args=args)
    yield browser
    browser.close()


@pytest.mark.thorough  # by default tests/browser/test_selfie.py films
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_camera_of_the_wizard_gives_hints_and_takes_photos(
    site: Site, twin: Any, filming: Browser, size: str
) -> None:
    site.workers.start()
    page = site.visit(size, user=twin.user, browser=filming)
    page.goto(f"/twins/{twin.id}/")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#camera-hint")).to_have_text("Good. Take the photo.")
    shot(page, f"camera-{size}-light")
    assert [fault for fault in looked_over(page) if not fault.startswith("incomplete")] == []
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator("#camera-taken")).to_contain_text("One photo taken.")
    page.keyboard.press("Escape")
    expect(page.locator("#photos .accepted")).to_have_count(1)
    assert page.evaluate("document.getElementById('camera-lens').srcObject") is None
    assert [each for each in site.complaints if "/framing" not in each] == []  # 503 while no worker is free
