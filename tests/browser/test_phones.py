"""Somebody signs up by phone and sees their number and limits; a message that fails offers the e-mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.phones.models import PhoneCode
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
ES = "+34612345678"


def code_to(site: Site, phone: str) -> str:
    log = site.folder / f"web-{site.web.port}.log"
    pattern = re.compile(rf"SMS to {re.escape(phone)}: \D*(\d{{6}})")
    wait_for(lambda: pattern.search(log.read_text()))
    return pattern.findall(log.read_text())[-1]


def clean(page: Page) -> None:
    assert looked_over(page) == []


LOOKS = [
    ("phone", "light", "en"),
    pytest.param("desktop", "dark", "es", marks=pytest.mark.thorough),
    pytest.param("phone", "dark", "zh-CN", marks=pytest.mark.thorough),
    pytest.param("desktop", "light", "zh-CN", marks=pytest.mark.thorough),
]


@pytest.mark.parametrize("size, theme, locale", LOOKS)
def test_somebody_signs_up_by_phone(site: Site, size: str, theme: str, locale: str) -> None:
    name = f"{size}-{theme}-{locale[:2]}"
    page = site.visit(size, theme, locale)
    page.goto("/accounts/login/")
    page.locator('a[href^="/accounts/phone/"]').click()
    page.locator("#id_country").select_option("ES")
    page.locator("#id_phone").fill("612")
    page.locator("form .btn.wide").click()
    expect(page.locator("#id_phone_error")).to_be_visible()
    shot(page, f"phone-number-{name}")
    clean(page)
    page.locator("#id_phone").fill("612 345 678")
    page.locator("form .btn.wide").click()
    expect(page.locator("#id_code")).to_be_focused()
    PhoneCode.objects.update(state="failed")  # as a callback of the sender does
    expect(page.locator("button[name=channel][value=email]")).to_be_visible()
    shot(page, f"phone-code-{name}")
    clean(page)
    page.locator("#id_code").fill(code_to(site, ES))
    page.keyboard.press("Enter")
    page.wait_for_url("**/twins/")
    for path in ("/account/phone/", "/account/limits/", "/account/erase/"):
        page.goto(path)
        if path == "/account/phone/":
            page.locator("details summary").click()
        shot(page, f"{path.split('/')[2]}-{name}")
        clean(page)
    assert site.complaints == []
