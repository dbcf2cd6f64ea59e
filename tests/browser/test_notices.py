"""The bell counts on every device, its menu opens by keyboard, and a browser is told of what happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Export
from accounts.notices import emails
from accounts.notices.models import Notice, PushSubscription
from accounts.notices.services import notify
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
# Chromium without a window has no push service: the page's own code subscribes with this one.
SUBSCRIPTION = """
const found = { endpoint: "https://fcm.googleapis.com/fcm/send/test",
  unsubscribe: async () => { delete localStorage.on; },
  toJSON: () => ({ endpoint: found.endpoint, keys: { auth: "BTBZMqHH6r4Tts7J_aSIgg",
    p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" } }) };
PushManager.prototype.subscribe = async () => { localStorage.on = 1; return found; };
PushManager.prototype.getSubscription = async () => localStorage.on ? found : null;
"""


def tell(user: Any, kind: str = "export_done", **facts: Any) -> Notice:
    export = Export.objects.create(user=user, scope="items", status="succeeded")
    return notify(user, kind, about=export, **facts)


def unread(page: Page) -> Any:
    return page.locator("#bell .bell-unread b")


@pytest.mark.parametrize("size", ["phone", pytest.param("desktop", marks=pytest.mark.thorough)])
def test_the_bell_is_the_same_on_every_device(site: Site, alice: Any, size: str) -> None:
    phone, other = site.visit(size, user=alice), site.visit("desktop", user=alice)
    for page in (phone, other):
        page.goto("/studio/")
        expect(unread(page)).to_be_hidden()
    tell(alice)
    tell(alice, "image_done", made=4, missing=1, back=2)
    tell(alice, "export_failed", code="storage_full", detail="", back=0)
    for page in (phone, other):
        expect(unread(page)).to_have_text("3")
    phone.locator("#bell").focus()
    phone.keyboard.press("Enter")
    expect(phone.locator("#bell-menu")).to_contain_text("Your 4 pictures are ready.")
    shot(phone, f"bell-{size}-light-en")
    # The menu lies over the page, whose colours axe then leaves undecided.
    assert [fault for fault in looked_over(phone) if not fault.startswith("incomplete")] == []
    phone.keyboard.press("Escape")
    expect(phone.locator("#bell-menu")).to_be_hidden()
    expect(phone.locator("#bell")).to_be_focused()
    phone.locator("#bell").click()
    phone.get_by_role("button", name="Mark all as read").click()
    for page in (phone, other):
        expect(unread(page)).to_be_hidden()
    assert site.complaints == []


@pytest.mark.parametrize("size", ["desktop", pytest.param("phone", marks=pytest.mark.thorough)])
def test_a_browser_subscribes_and_shows_what_it_is_sent(site: Site, alice: Any, size: str) -> None:
    page = site.visit(size, user=alice, permissions=["notifications"], service_workers="allow")
    page.add_init_script(SUBSCRIPTION)
    page.goto("/account/notices/preferences/")
    page.get_by_role("button", name="Notify me on this device").click()
    expect(page.get_by_text("This device shows your notifications.")).to_be_visible()
    assert PushSubscription.objects.get().user == alice
    shot(page, f"push-{size}-light-en")
    assert shown_after(page, site.url, {"title": "Your twin is ready.", "tag": "x", "notice": "7"}) == [
        ["Your twin is ready.", "x", "7"]
    ]
    page.get_by_role("button", name="No more on this device").click()
    expect(page.get_by_role("button", name="Notify me on this device")).to_be_visible()
    assert not PushSubscription.objects.exists()
    assert site.complaints == []


def shown_after(page: Page, origin: str, message: dict[str, str]) -> Any:
    """Title, tag and data of the notifications on the screen after a push message."""
    devtools, found = page.context.new_cdp_session(page), []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda e: found.extend(e["registrations"]))
    devtools.send("ServiceWorker.enable")
    page.evaluate("navigator.serviceWorker.ready.then(() => 1)")  # before, a message would be lost
    wait_for(lambda: found or page.evaluate("1") is None)
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[0]["registrationId"], "data": json.dumps(message)},
    )
    now = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map((n) => [n.title, n.tag, n.data])"""
    wait_for(lambda: page.evaluate(now))
    return page.evaluate(now)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "theme", "language"), [("phone", "dark", "es"), ("desktop", "light", "zh-hans")]
)
def test_the_pages_look_right(site: Site, alice: Any, size: str, theme: str, language: str) -> None:
    alice.language = language
    alice.save()
    for kind in ("image_done", "headshots_done", "restore_done"):
        tell(alice, kind, made=4, missing=1, back=2)
    Notice.objects.filter(kind="image_done").update(read_at=timezone.now())
    tell(alice, "training_failed", twin=str(alice.id), code="likeness_too_low", detail="", back=20)
    page = site.visit(size, theme, language, user=alice)
    for name in ("", "preferences/", f"unsubscribe/{emails.token_of(alice, ['training', 'export'])}/"):
        page.goto(f"/account/notices/{name}")
        shot(page, f"notices-{name[:9].strip('/')}-{size}-{theme}-{language}")
        assert looked_over(page) == []


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "es", "zh-hans"])
@pytest.mark.parametrize(("size", "theme"), [("phone", "dark"), ("desktop", "light")])
def test_the_email_looks_right(site: Site, alice: Any, language: str, size: str, theme: str) -> None:
    from django.utils.translation import override

    notices = [
        tell(alice, "training_failed", twin=str(alice.id), code="likeness_too_low", detail="", back=20),
        tell(alice, "image_done", made=30, missing=0, back=0),
        tell(alice),
    ]
    with override(language):
        several, one = (emails.composed(alice, alice.email, some) for some in (notices, notices[1:2]))
    for name, message in (("several", several), ("one", one)):
        page = site.visit(size, theme)
        page.set_content(message.alternatives[0][0])
        shot(page, f"mail-{name}-{size}-{theme}-{language}")
        assert looked_over(page) == []
