"""Mails to people who may not know us: whose links they hold, and whose words."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from accounts.emails import tell
from accounts.serializers import LINK
from tests.accounts.people import browser, post, sign_up
from tests.conftest import confirmed, unconfirmed
from tests.factory import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]


def test_links_come_from_origin_whatever_host_is_asked(hosts: None, settings: Any, alice: Any) -> None:
    confirmed(alice)
    evil = {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}
    browser().post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD}, **evil)
    browser().post("/accounts/signup/", {"email": alice.email, "password1": PASSWORD}, **evil)
    browser().post("/accounts/password/reset/", {"email": alice.email}, **evil)
    post(browser(), "/auth/signup", {"email": "b@example.com", "password": PASSWORD}, **evil)
    post(browser(), "/auth/password/request", {"email": alice.email}, **evil)
    assert len(mail.outbox) == 5
    for sent in mail.outbox:
        assert settings.ORIGIN in sent.body
        assert "evil" not in f"{sent.subject} {sent.body} {sent.from_email}"


def test_a_mail_is_from_the_product_and_quotes_nobody(alice: Any) -> None:
    alice.display_name = "Free coins"
    alice.save()
    mine = browser()
    mine.force_login(alice)
    mine.post("/accounts/email/", {"action_send": "", "email": alice.email})
    sign_up(browser(), "new@example.com")
    assert len(mail.outbox) == 2
    for sent in mail.outbox:
        assert sent.subject.startswith("PhotoFlux: ")
        assert "Free coins" not in sent.body
        assert "127.0.0.1" not in sent.body.replace("http://127.0.0.1:8000/", "")


def test_no_mail_goes_to_an_unknown_address(db: None) -> None:
    browser().post("/accounts/password/reset/", {"email": "nobody@example.com"})
    post(browser(), "/auth/password/request", {"email": "nobody@example.com"})
    assert mail.outbox == []


def test_who_has_an_account_is_told_so_when_somebody_signs_up_with_the_address(alice: Any) -> None:
    confirmed(alice)
    sign_up(browser(), alice.email)
    (sent,) = mail.outbox
    assert "You have an account" in sent.subject
    assert "confirm" not in sent.body


def test_notices_go_to_proven_addresses_alone(alice: Any) -> None:
    words = lambda: ("Subject", "Text")  # noqa: E731
    assert not tell(unconfirmed(alice).id, words)
    assert tell(confirmed(alice).id, words)
    assert [sent.to for sent in mail.outbox] == [["alice@example.com"]]


def test_a_mail_that_cannot_be_sent_fails_no_sign_up(db: None, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert sign_up(browser(), "new@example.com").status_code == 302


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "a\u2028b",
        "evil\u202egpj",
        "see evil.com",
        "http://x",
        "WWW.evil",
        "Evil。com",
        "a@b.c",
        "//x",
    ],
)
def test_a_name_holds_no_link_and_no_invisible_sign(
    client: Any, as_alice: Any, alice: Any, name: str
) -> None:
    said = as_alice.patch("/api/v1/me", {"display_name": name}, format="json")
    assert (said.status_code, list(said.json()["errors"])) == (422, ["display_name"])
    client.force_login(alice)
    page = client.post("/account/", {"display_name": name, "language": "en"})
    assert page.status_code == 200
    alice.refresh_from_db()
    assert alice.display_name == ""


@pytest.mark.parametrize(
    "name", ["", "Dr. María-José O'Neill", "J.R. Ewing", "李小龙", "St. John", "A/B", "3.5"]
)
def test_an_ordinary_name_is_allowed(as_alice: Any, name: str) -> None:
    assert not LINK.search(name)
    assert as_alice.patch("/api/v1/me", {"display_name": name}, format="json").status_code == 200
