"""Log-in and sign-up by a code, by the API and on the page: once, in time, by who asked for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import consents
from accounts.phones.models import PhoneCode
from accounts.tasks import retain
from tests.accounts.phones.conftest import AUTH, ES, US, asked, other, typed

pytestmark = pytest.mark.django_db
CODES = PhoneCode.objects


def people() -> Any:
    return get_user_model().objects


def test_an_unknown_number_makes_an_account_with_terms_and_a_known_one_logs_in(code_to: Any) -> None:
    for status in ("new", "known"):
        row = asked("612 345 678", country="es").json()
        assert row["phone"] == ES
        assert "code" not in row
        answer = typed(row["id"], code_to(ES))
        assert answer.status_code == 200, status
        token = answer.json()["meta"]["access_token"]
        me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert (me["phone"], me["email"]) == (ES, None)
    [user] = people().filter(phone=ES)
    assert consents.has(user.id, "terms")
    assert not user.has_usable_password()


def test_the_page_sends_a_code_and_logs_in_where_one_wanted_to_go(client: Any, code_to: Any) -> None:
    sent = client.post("/accounts/phone/", {"phone": "+34 612-345-678", "next": "/gallery/"})
    assert sent["Location"] == "/accounts/phone/code/"
    page = client.get("/accounts/phone/code/").content.decode()
    assert "+34 … 78" in page
    assert ES[3:] not in page.replace(f'value="{ES}"', "")
    entered = client.post("/accounts/phone/code/", {"code": f" {code_to(ES)[:3]} {code_to(ES)[3:]}"})
    assert entered["Location"] == "/gallery/"
    assert client.get("/account/").status_code == 200
    assert client.get("/accounts/phone/").status_code == 302  # who is in needs no code


def test_the_page_says_what_is_wrong_and_keeps_the_number(client: Any, code_to: Any) -> None:
    page = client.post("/accounts/phone/", {"phone": "123", "country": "ES"})
    assert 'value="123"' in page.content.decode()
    assert "This is no phone number" in page.content.decode()
    client.post("/accounts/phone/", {"phone": ES, "next": "https://evil.example/"})
    page = client.post("/accounts/phone/code/", {"code": other(code_to(ES))})
    assert "You have 4 more tries" in page.content.decode()
    assert client.post("/accounts/phone/code/", {"code": code_to(ES)})["Location"] == "/twins/"


@pytest.mark.parametrize(
    "phone, says",
    [
        ("123", "This is no phone number"),
        ("call me", "This is no phone number"),
        ("+4915112345678", "We send no text messages to this country"),
        ("+34912345678", "This is no mobile number"),
        ("+34803123456", "This is no mobile number"),  # premium: it costs
        ("+34612345678" * 3, "This is no phone number"),
        ("", "blank"),
        ("\0", ""),
    ],
)
def test_a_number_that_cannot_be_sent_to_is_refused_with_a_sentence(phone: str, says: str) -> None:
    answer = asked(phone)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert says in str(answer.json()["errors"]["phone"])
    assert not CODES.exists()


def test_a_code_counts_once_with_its_own_request_and_for_five_minutes(code_to: Any) -> None:
    first, second = asked(client=Client()).json()["id"], asked(client=Client()).json()["id"]
    newest = code_to(ES)
    assert typed(first, newest).json()["code"] == "invalid"  # of another request
    assert typed(second, newest).status_code == 200
    again = typed(second, newest)
    assert (again.status_code, again.json()["code"]) == (409, "code_expired")
    assert typed("00000000-0000-4000-8000-000000000000", newest).json()["code"] == "code_expired"


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), timedelta(days=1, minutes=1)])
def test_an_old_code_is_over_and_yesterdays_is_forgotten(code_to: Any, age: timedelta) -> None:
    ident, now = asked().json()["id"], timezone.now()
    CODES.update(created_at=now - age, expires_at=now - age + timedelta(minutes=5))
    assert typed(ident, code_to(ES)).json()["code"] == "code_expired"
    retain()
    assert CODES.exists() == (age < timedelta(days=1))
    assert typed(ident, code_to(ES)).json()["code"] == "code_expired"


@pytest.mark.parametrize("wrong", ["12345a", "12345", "1234567", "", "①②③④⑤", "a" * 99])
def test_what_is_no_code_counts_as_no_try(code_to: Any, wrong: str) -> None:
    ident = asked().json()["id"]
    answer = typed(ident, wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"]["code"]
    assert CODES.get().attempts == 0
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in code_to(ES))
    assert typed(ident, full_width).status_code == 200


def test_the_sixth_try_is_not_compared(code_to: Any) -> None:
    ident = asked().json()["id"]
    said = [typed(ident, other(code_to(ES))).json()["code"] for _ in range(5)]
    assert said == ["invalid"] * 4 + ["code_expired"]
    assert typed(ident, code_to(ES)).json()["code"] == "code_expired"
    assert not people().exists()


def test_nothing_at_rest_holds_the_code(code_to: Any) -> None:
    asked()
    row, code = CODES.get(), code_to(ES)
    assert code not in str({**row.__dict__, "id": 0, "reference": 0, "digest": ""}.values())
    assert len(row.digest) == 64
    assert row.is_code(code)
    assert not row.is_code(other(code))


def test_a_second_factor_is_asked_for_after_the_code(code_to: Any, alice: Any) -> None:
    people().filter(id=alice.id).update(phone=ES)
    TOTP.activate(alice, generate_totp_secret())
    answer = typed(asked().json()["id"], code_to(ES))
    flows = [flow["id"] for flow in answer.json()["data"]["flows"] if flow.get("is_pending")]
    assert (answer.status_code, flows) == (401, ["mfa_authenticate"])
    assert "access_token" not in answer.json()["meta"]


def test_a_closed_account_is_not_opened(code_to: Any, alice: Any) -> None:
    people().filter(id=alice.id).update(phone=ES, is_active=False)
    assert typed(asked().json()["id"], code_to(ES)).status_code == 401


def test_a_session_token_that_has_ended_is_told_and_spends_no_code(code_to: Any) -> None:
    ident = asked().json()["id"]
    answer = typed(ident, code_to(ES), Client(headers={"X-Session-Token": "gone"}))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert typed(ident, code_to(ES)).status_code == 200


def test_old_terms_are_refused_before_the_code_is_spent(code_to: Any) -> None:
    ident = asked().json()["id"]
    assert "terms" in typed(ident, code_to(ES), terms="1999-01").json()["errors"]
    assert typed(ident, code_to(ES)).status_code == 200


# ---------------------------------------------------------------- by e-mail instead


def mailed_code() -> str:
    import re

    return re.findall(r"\d{6}", str(mail.outbox[-1].body))[0]


def test_the_code_by_email_goes_to_the_proven_address_of_the_number(alice: Any) -> None:
    people().filter(id=alice.id).update(phone=ES)
    row = asked(channel="email").json()
    assert (row["channel"], row["offer_email"], mail.outbox[-1].to) == ("email", False, ["alice@example.com"])
    answer = typed(row["id"], mailed_code())
    assert answer.json()["data"]["user"]["email"] == "alice@example.com"


def test_no_code_by_email_for_a_number_without_an_account(alice: Any) -> None:
    """The same answer; no e-mail; and no guess can make an account whose number nobody proved."""
    people().filter(id=alice.id).update(phone=US)
    unknown, known = (asked(phone, channel="email").json() for phone in (ES, US))
    assert {**unknown, "id": 0, "phone": 0, "expires_at": 0} == {
        **known,
        "id": 0,
        "phone": 0,
        "expires_at": 0,
    }
    assert len(mail.outbox) == 1
    row = CODES.get(pk=unknown["id"])
    row.hide("123456")
    row.save()
    assert typed(unknown["id"], "123456").json()["code"] == "code_expired"
    assert people().count() == 1


def test_without_a_sender_there_is_no_log_in_by_phone(client: Any, settings: Any) -> None:
    settings.SMS_SENDER = ""
    assert (asked().status_code, asked().json()["code"]) == (503, "sms_off")
    assert client.get("/accounts/phone/").status_code == 404
    assert "/accounts/phone/" not in client.get("/accounts/login/").content.decode()
    settings.SMS_SENDER = "console"
    assert "/accounts/phone/" in client.get("/accounts/login/").content.decode()


def test_a_new_account_by_phone_tells_no_code_of_others(code_to: Any) -> None:
    ident = asked().json()["id"]
    told = Client().get(f"{AUTH}/{ident}").json()
    assert (told["state"], told["offer_email"]) == ("sent", False)
    CODES.update(created_at=timezone.now() - timedelta(seconds=31))
    assert Client().get(f"{AUTH}/{ident}").json()["offer_email"]
