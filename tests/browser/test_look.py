"""Checks every page with axe: two sizes, two themes, three languages. By default each page is opened once, in
one of the sizes and languages, and axe reads every third one; --thorough does all of it, with screenshots in
out/screens, as where SHOTS is set."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SIZES, Site, shot
from tests.browser.household import lived_in
from tests.plugin import Share

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
OPEN = {
    "landing": "/",
    "prices": "/pricing/",
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "verify": "/verify/",
    "privacy": "/privacy/",
    "retention": "/retention/",
    "ai": "/ai/",
    "imprint": "/imprint/",
    "request": "/privacy/request/",
    "missing": "/nowhere/",
    "takedown": "/takedown/",
    "takedown-status": "/takedown/PF-222222/",
    "explore": "/explore/",
    "help": "/help/",
    "help-article": "/help/photo-refused/",
    "help-search": "/help/?q=photo",
    "talk": "/support/new/",
}
OWN = {
    "twins": "/twins/",
    "new": "/twins/new/",
    "twin": "/twins/{twin}/",
    "studio": "/studio/",
    "videos": "/studio/videos/",
    "animate": "/studio/videos/?reference={item}",
    "clip": "/gallery/{clip}/",
    "gallery": "/gallery/",
    "item": "/gallery/{item}/",
    "people": "/gallery/people/",
    "person": "/gallery/people/{person}/",
    "face": "/gallery/faces/{face}/",
    "albums": "/gallery/albums/",
    "duplicates": "/gallery/duplicates/",
    "locked": "/gallery/locked/",
    "shares": "/gallery/shares/",
    "edit": "/gallery/{item}/edit/",
    "repair": "/studio/pictures/{item}/repair/",
    "restore": "/restore/",
    "restored": "/restore/{restoration}/",
    "account": "/account/",
    "notices": "/account/notices/",
    "channels": "/account/notices/preferences/",
    "consents": "/account/consents/",
    "my-privacy": "/account/privacy/",
    "standing": "/account/standing/",
    "age": "/account/age/",
    "withdrawn": "/account/consents/biometric_twin/",
    "developers": "/account/developers/",
    "webhooks": "/account/developers/webhooks/",
    "credits": "/account/credits/",
    "billing": "/account/billing/",
    "plans": "/pricing/?interval=year",
    "email": "/accounts/email/",
    "password": "/accounts/password/change/",
    "sessions": "/accounts/sessions/",
    "job": "/studio/{job}/",
    "archive": "/account/archives/{archive}/",
    "selfie": "/twins/{ready}/verify/",
    "link": "/twins/{other}/verify/",
    "asked": "/twins/{other}/",
}
GUEST = {
    "invited": "/invited/{token}/",
    "withdraw": "/withdraw/{withdrawal}/",
    "shared": "/s/{shared}/",
    "published": "/explore/{public}/",
}
EMPTY = {
    "first-twins": "/twins/",
    "first-studio": "/studio/",
    "first-gallery": "/gallery/",
    "consent": "/twins/{twin}/",
}
# Undecided by axe, and correct: single characters, white on the dark discs of .remove and .tools; captions of
# clips, which have no sound.
EXPLAINED = ("Element content is too short to determine", "Element content contains only non-text characters")
EXPLAINED += ("Check that captions are available",)
LANGUAGES = {"en": "en", "es": "es", "zh": "zh-CN"}
# What a finger can press and is lower than 44 px, with its label. A link in a text needs 24 px if it is alone
# (WCAG 2.5.8), and nothing as part of a line.
SMALL = """() => {
  const boxes = (e) => [e, ...(e.labels || [])].filter((x) => x.checkVisibility() && !x.matches(".hidden"))
    .map((x) => x.getBoundingClientRect()).filter((box) => box.width > 1 && box.height > 1);
  const alone = (e) => getComputedStyle(e).display !== "inline";
  const least = (e) => (!e.matches("a") || (alone(e) && !e.matches("p *, li *")) ? 44 : alone(e) ? 24 : 0);
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".skip") && boxes(e).length)
    .filter((e) => getComputedStyle(e, "::after").position !== "absolute") // a part of it that is not seen
    .filter((e) => Math.max(...boxes(e).map((box) => box.height)) < least(e) - 0.5)
    .map((e) => `${e.closest("[class]")?.className}: ${e.outerHTML.slice(0, 120)}`);
}"""


@pytest.mark.parametrize(
    "size, theme",
    [
        ("phone", "light"),
        ("desktop", "dark"),
        pytest.param("phone", "dark", marks=pytest.mark.thorough),
        pytest.param("desktop", "light", marks=pytest.mark.thorough),
    ],
)
def test_every_page(site: Site, alice: Any, bob: Any, share: Share, size: str, theme: str) -> None:
    ids, empty = lived_in(alice), {"twin": str(twin_of(bob).id)}
    visitors = ((None, OPEN | GUEST, ids), (alice, OWN, ids), (bob, EMPTY, empty))
    faults: list[str] = []
    for turn, code in enumerate(LANGUAGES):
        for user, pages, ids in visitors:
            some = {
                name: (path.format(**ids), share.thorough or i // 6 % 3 == 0)
                for i, (name, path) in enumerate(pages.items())
                if share.thorough or (i % len(LANGUAGES), i % len(SIZES)) == (turn, list(SIZES).index(size))
            }
            faults += faults_of(site, user, some, (size, theme, code))
    assert not faults, "\n".join(faults)
    assert [c for c in site.complaints if "/nowhere/" not in c] == []


def faults_of(
    site: Site, user: Any, pages: dict[str, tuple[str, bool]], look: tuple[str, str, str]
) -> list[str]:
    """Of these pages: address, and whether axe reads it."""
    size, theme, code = look
    if user is not None:
        user.language = "zh-hans" if code == "zh" else code
        user.save()
    page = site.visit(size, theme, LANGUAGES[code], user)
    faults: list[str] = []
    for name, (path, read) in pages.items():
        page.goto(path, wait_until="load")
        shot(page, f"{name}-{size}-{theme}-{code}")
        found = (looked_over if read else too_wide)(page) + (too_small(page) if size == "phone" else [])
        faults += [f"{name}-{code}: {fault}" for fault in found]
    page.context.close()
    site.contexts.remove(page.context)
    return faults


def test_without_javascript_it_can_be_read_and_asked(site: Site, alice: Any) -> None:
    names = lived_in(alice)
    page = site.visit(user=alice, java_script_enabled=False)
    page.goto("/gallery/?limit=4")
    expect(page.locator(".rows img")).to_have_count(4)
    shown_whole(page, ".rows img")
    first = page.locator(".rows a").first.get_attribute("href")
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".rows img")).to_have_count(4)
    assert page.locator(".rows a").first.get_attribute("href") != first
    page.goto(f"/gallery/{names['item']}/")
    expect(page.locator("#picture")).to_be_visible()
    page.goto(f"/twins/{names['twin']}/")
    expect(page.locator(".photo")).to_have_count(6)
    page.goto("/studio/")
    shown_whole(page, ".result img")
    page.get_by_label("Prompt", exact=True).fill("in a park")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".job")).to_have_count(7)


def shown_whole(page: Page, selector: str) -> None:
    """Pictures have their own shape on the page, also before they are loaded."""
    for picture in page.locator(selector).all():
        width, height = (int(picture.get_attribute(name) or 0) for name in ("width", "height"))
        box = picture.bounding_box()
        assert box is not None
        assert abs(box["width"] / box["height"] - width / height) < 0.02, (width, height, box)


def looked_over(page: Page) -> list[str]:
    """The faults of a page: too wide, or found or left undecided by axe.

    A page may change while axe reads it, so only a fault that axe finds twice counts.
    """
    found = axe_faults(page)
    again = axe_faults(page) if found else []
    return too_wide(page) + [fault for fault in found if fault in again]


def too_wide(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wide} px wider than the screen"] if wide > 0 else []


def too_small(page: Page) -> list[str]:
    return [f"too small for a finger: {found}" for found in page.evaluate(SMALL)]


def axe_faults(page: Page) -> list[str]:
    faults = []
    kinds = ["violations", "incomplete"]  # axe leaves out the details of all others
    options = {"rules": {"target-size": {"enabled": True}}, "resultTypes": kinds}
    found = Axe().run(page, options=options).response
    for kind in kinds:
        for rule in found[kind]:
            for node in rule["nodes"]:
                why = "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])
                if kind == "violations" or not why.startswith(EXPLAINED):
                    faults.append(f"{kind} {rule['id']}: {node['html'][:160]} {why}")
    return faults


def twin_of(user: Any) -> Any:
    from twins.models import Twin

    return Twin.objects.create(user=user, name="Bob", subject_class="man")
