"""Pages about privacy: a request on a phone without JavaScript, and a consent withdrawn."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PAGES = ("privacy", "retention", "ai", "imprint", "privacy/request")


def test_somebody_without_an_account_asks_and_confirms_on_a_phone(site: Site) -> None:
    page = site.visit("phone", java_script_enabled=False)
    page.goto("/privacy/")
    page.get_by_role("link", name="Ask what is kept about you, or to erase it").click()
    page.get_by_label("to erase what you keep about me").check()
    page.get_by_label("My e-mail address").fill("somebody@example.com")
    page.get_by_label("What helps us to find it").fill("a picture of me")
    shot(page, "privacy-request-filled")
    page.get_by_role("button", name="Send the request").click()
    number = page.locator(".privacy-number").inner_text()
    shot(page, "privacy-asked")
    wait_for(lambda: any(number in mail.read_text() for mail in site.mails.glob("*")))
    mails = "".join(mail.read_text() for mail in site.mails.glob("*")).replace("=\n", "")
    link = re.search(r"/privacy/request/\S+", mails)
    assert link
    page.goto(link[0])
    shot(page, "privacy-confirm")
    page.get_by_role("button", name="Yes, this is my request").click()
    expect(page.get_by_text("Confirmed. We answer by")).to_be_visible()
    shot(page, "privacy-confirmed")


def test_a_consent_is_withdrawn_and_stays_in_the_history(site: Site, alice: Any) -> None:
    from accounts import consents

    consents.give(alice, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    page = site.visit("phone", "dark", user=alice, java_script_enabled=False)
    page.goto("/account/privacy/")
    page.get_by_role("link", name="Withdraw").click()
    shot(page, "consent-withdraw")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("link", name="History of your consents").click()
    expect(page.get_by_text("ended on")).to_be_visible()
    shot(page, "consent-history")
    page.goto("/account/privacy/")
    page.get_by_label("Until 30 days after the last training with them").check()
    shot(page, "my-privacy")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Until 30 days after the last training with them")).to_be_checked()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "size, theme, locale", [("phone", "light", "es"), ("desktop", "dark", "en"), ("phone", "dark", "zh-CN")]
)
def test_the_pages_fit_and_can_be_read(site: Site, size: str, theme: str, locale: str) -> None:
    page = site.visit(size, theme, locale)
    faults: list[str] = []
    for name in PAGES:
        page.goto(f"/{name}/")
        shot(page, f"{name.replace('/', '-')}-{size}-{theme}-{locale}")
        faults += [f"{name}: {fault}" for fault in looked_over(page)]
    assert faults == []
    assert site.complaints == []


@pytest.mark.thorough  # by default tests/accounts/test_privacy_requests.py
def test_staff_see_rules_and_requests(site: Site) -> None:
    from django.utils import timezone

    from accounts import tasks
    from accounts.privacy.models import PrivacyRequest
    from tests.rights import staff_with

    tasks.retain()
    asked = {"kind": "access", "email": "a@example.com", "language": "en", "proved_at": timezone.now()}
    PrivacyRequest.objects.create(**asked)
    rights = ("view_retentionrun", "view_privacyrequest", "change_privacyrequest")
    page = site.visit("desktop", user=staff_with(*(f"accounts.{right}" for right in rights)))
    page.goto("/admin/accounts/retentionrun/")
    expect(page.get_by_text("An archive of your data")).to_be_visible()
    shot(page, "admin-retention")
    page.goto("/admin/accounts/privacyrequest/")
    page.get_by_role("link", name="P-").click()
    page.get_by_label("Answer").select_option("nothing")
    shot(page, "admin-request")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("cell", name="nothing is kept")).to_be_visible()
    assert site.complaints == []
