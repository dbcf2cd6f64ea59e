"""The live selfie before a camera that plays a film, and the way to a phone where there is no camera.

The quick walk passes its time by Playwright's clock, and any picture is a good selfie to the double of the
judge. With --thorough a drawn person turns and blinks before the real judge, in real time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from accounts import consents
from tests.browser.conftest import SIZES, Site, shot
from tests.browser.household import many_photos
from tests.processes import wait_for
from tests.selfies import camera_film, photos
from twins import services
from twins.models import Photo, Twin
from twins.proof import invitations, phones
from twins.proof.models import Challenge, Proof

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox")
PERSON = 2
ORDER = ("right", "blink", "up", "left")
AHEAD = 6.0  # seconds of film before the first movement begins
COUNTDOWN = 2.5  # seconds from the button to the first movement
EACH = {"left": 4.3, "right": 4.3, "up": 4.3, "blink": 4.45}  # seconds from one line of the page to the next


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera plays. A test writes it before the camera opens."""
    path = tmp_path_factory.mktemp("film") / "camera.mjpeg"
    return camera_film(path, PERSON, [(0.5, "front")])


@pytest.fixture(scope="module")
def filming(chromium: Browser, film: Path) -> Iterator[Browser]:
    """A browser with a camera, which it may use."""
    args = [*CAMERA, f"--use-file-for-fake-video-capture={film}"]
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    browser = chromium.browser_type.launch(executable_path=path, args=args)
    yield browser
    browser.close()


@pytest.fixture
def twin(alice: Any) -> Twin:
    consents.give(alice, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    made = services.create_twin(alice, name="Alice")
    many_photos(made)
    Photo.objects.update(embedder="test")
    return made


def on_phone(site: Site, filming: Browser, theme: Any = "dark") -> Page:
    context = filming.new_context(
        **SIZES["phone"],
        base_url=site.url,
        color_scheme=theme,
        reduced_motion="reduce",
        service_workers="block",
    )
    site.contexts.append(context)
    page = context.new_page()
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    page.on("console", lambda m: site.complaints.append(m.text) if m.type == "error" else None)
    return page


def pass_time(page: Page, done: Callable[[], Any]) -> None:
    """Lets the page's timers run until `done()`."""

    def step() -> Any:
        page.clock.run_for(200)
        return done()

    wait_for(step)


def sit(page: Page, name: str) -> None:
    """From the first button to the result, by keyboard alone."""
    go = page.locator("#go")
    expect(go).to_be_enabled()
    go.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Hold your face in the oval")
    expect(go).to_be_focused()
    shot(page, f"selfie-ready-{name}")
    page.keyboard.press("Enter")
    pass_time(page, lambda: page.locator("#arrow").is_visible())
    shot(page, f"selfie-movement-{name}")
    pass_time(page, lambda: "Verified" in page.locator("#say").inner_text())
    shot(page, f"selfie-verified-{name}")


@pytest.mark.thorough
def test_without_a_camera_a_phone_goes_on(site: Site, twin: Twin, filming: Browser) -> None:
    site.workers.start()
    desktop = site.visit(user=twin.user)
    desktop.goto(f"/twins/{twin.id}/verify/")
    desktop.get_by_role("button", name="Turn the camera on").click()
    expect(desktop.locator("#say")).to_contain_text("go on with a phone")
    shot(desktop, "selfie-no-camera")
    desktop.get_by_role("button", name="Show a QR code").click()
    expect(desktop.locator("#phone .qr")).to_be_visible()
    shot(desktop, "selfie-qr")
    link = desktop.locator("#phone .break").get_attribute("href") or ""
    phone = on_phone(site, filming)
    phone.clock.install()
    phone.goto(re.sub("^https?://[^/]+", "", link))
    sit(phone, "phone")
    expect(desktop.locator("#say")).to_have_text("Verified. It was you.")
    desktop.get_by_role("link", name="Back to the twin").click()
    expect(desktop.get_by_text("Verified by a live selfie on")).to_be_visible()
    assert site.complaints == []


def test_somebody_else_agrees_by_a_link(site: Site, alice: Any, filming: Browser) -> None:
    site.workers.start()
    twin = Twin.objects.create(user=alice, name="Carol", of_other=True)
    many_photos(twin)
    Photo.objects.update(embedder="test")
    _invitation, token = invitations.invite(twin)
    page = on_phone(site, filming, "light")
    page.clock.install()
    page.goto(f"/invited/{token}/")
    page.get_by_label("I have read this and agree.").check()
    page.get_by_role("button", name="Agree and go on").click()
    expect(page.locator(".break").first).to_be_visible()
    shot(page, "invited-agreed")
    link = page.locator(".break").first.get_attribute("href") or ""
    sit(page, "invited")
    page.goto(re.sub("^https?://[^/]+", "", link))
    shot(page, "invited-withdraw")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("heading", name="Your consent is withdrawn")).to_be_visible()
    assert not Proof.objects.live().exists()


@pytest.mark.thorough
def test_a_drawn_person_turns_and_blinks_before_the_real_judge(
    site: Site, alice: Any, filming: Browser, film: Path
) -> None:
    parts = [(AHEAD, "front"), *((EACH[step], step) for step in ORDER), (20.0, "front")]
    camera_film(film, PERSON, parts)
    consents.give(alice, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    twin = services.create_twin(alice, name="Alice")
    site.workers.start(studio="real")
    for data in photos(PERSON, 10):
        services.add_photo(twin, data=data)
    wait_for(lambda: not twin.photos.open().exists())
    page = on_phone(site, filming)
    page.route(re.compile("/ask/$"), in_order)
    page.goto(f"/selfie/{phones.make_link(twin)}/")
    page.get_by_role("button", name="Turn the camera on").click()
    wait_for(lambda: page.evaluate("document.getElementById('lens').currentTime") > AHEAD - COUNTDOWN)
    page.get_by_role("button", name="Start").click()
    page.locator("#selfie:is(.good, .bad)").wait_for()
    assert page.locator("#say").inner_text() == "Verified. It was you."
    assert Proof.objects.get().photos.count() == 10


def in_order(route: Route) -> None:
    """The challenge that the server draws, in the order of the film."""
    answer = route.fetch()
    body = answer.json()
    if route.request.method == "GET" and body.get("challenge"):
        Challenge.objects.filter(id=body["challenge"]["id"]).update(steps=list(ORDER))
        body["challenge"] |= {"steps": list(ORDER), "sentences": list(ORDER)}
    route.fulfill(response=answer, json=body)
