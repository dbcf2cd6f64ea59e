"""The account has four pages, and each page of a setting says to which of them it belongs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
FOUR = {"Profile": "/account/", "Security": "/accounts/2fa/", "Privacy": "/account/privacy/"}
FOUR |= {"Billing": "/account/billing/"}
BELOW = {
    "Profile": ("/account/phone/", "/account/notices/preferences/", "/account/standing/", "/accounts/email/"),
    "Security": (
        "/accounts/password/change/",
        "/accounts/sessions/",
        "/accounts/3rdparty/",
        "/account/developers/",
        "/account/developers/webhooks/",
    ),
    "Privacy": ("/account/consents/", "/account/erase/"),
    "Billing": ("/account/credits/", "/account/limits/"),
}
DEEPER = ("/accounts/3rdparty/", "/account/developers/webhooks/")  # with a provider; from the keys' page
LINK = re.compile(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>(\w+)</a>')
CASES = [(name, path) for name, page in FOUR.items() for path in (page, *BELOW[name])]


@pytest.mark.parametrize(("name", "path"), CASES)
def test_each_page_of_the_account_is_one_of_four_or_below_it(
    client: Client, alice: Any, name: str, path: str
) -> None:
    client.force_login(alice)
    nav = client.get(path).text.partition("account-nav")[2].partition("</nav>")[0]
    found = LINK.findall(nav)
    assert {words: where for where, _current, words in found} == FOUR
    current = {words: how for _where, how, words in found if how}
    assert current == {name: "page" if path == FOUR[name] else "true"}


@pytest.mark.parametrize("name", FOUR)
def test_what_lies_below_a_page_is_linked_from_it(client: Client, alice: Any, name: str) -> None:
    client.force_login(alice)
    page = client.get(FOUR[name]).text
    assert [path for path in BELOW[name] if f'href="{path}"' not in page and path not in DEEPER] == []
