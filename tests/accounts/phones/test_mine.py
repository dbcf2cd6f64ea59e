"""One's own number: added, changed, removed, shown, exported, erased; and codes in place of a password."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import addresses, emails, erasure
from accounts.archive import members
from accounts.models import Export
from accounts.phones.models import PhoneCode
from tests.accounts.passkey import Phone
from tests.accounts.people import link
from tests.accounts.phones.conftest import ES, MINE, US, asked, other, typed

pytestmark = pytest.mark.django_db
PROOF = {"password": "a long password"}


def people() -> Any:
    return get_user_model().objects


@pytest.fixture
def by_phone(code_to: Any) -> tuple[Any, APIClient]:
    """Somebody who signed up by phone and has nothing else, and their client."""
    answer = typed(asked().json()["id"], code_to(ES)).json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['meta']['access_token']}")
    return people().get(phone=ES), client


def send(client: Any, phone: str = ES, **more: Any) -> Any:
    return client.post(MINE, {"phone": phone, **(more or PROOF)}, format="json")


def test_a_number_is_added_changed_and_told_by_email(as_alice: Any, alice: Any, code_to: Any) -> None:
    for phone in (ES, US):
        row = send(as_alice, phone)
        assert row.status_code == 202
        done = as_alice.post(f"{MINE}/{row.json()['id']}", {"code": code_to(phone)}, format="json")
        assert (done.status_code, done.json()) == (200, {"phone": phone})
        assert as_alice.get(MINE).json() == {"phone": phone}
    assert mail.outbox[-1].subject == "Your phone number was changed"
    again = as_alice.post(f"{MINE}/{row.json()['id']}", {"code": code_to(US)}, format="json")
    assert again.json()["code"] == "code_expired"


@pytest.mark.parametrize(
    "proof, status, code",
    [
        ({}, 403, "reauthentication_required"),
        ({"password": "wrong"}, 422, "invalid"),
        ({"code": "123456"}, 422, "invalid"),
    ],
)
def test_a_change_asks_who_one_is_again(as_alice: Any, proof: Any, status: int, code: str) -> None:
    answer = as_alice.post(MINE, {"phone": ES, **proof}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert as_alice.delete(MINE, proof, format="json").status_code == status
    assert not PhoneCode.objects.exists()


def test_a_number_of_somebody_else_is_told_to_its_holder_alone(as_alice: Any, bob: Any, code_to: Any) -> None:
    people().filter(id=bob.id).update(phone=ES)
    taken, free = send(as_alice, ES), send(as_alice, US)
    assert (taken.status_code, taken.json().keys()) == (free.status_code, free.json().keys())
    where = f"{MINE}/{taken.json()['id']}"
    wrong = as_alice.post(where, {"code": other(code_to(ES))}, format="json")
    right = as_alice.post(where, {"code": code_to(ES)}, format="json")
    assert (wrong.json()["code"], right.status_code, right.json()["code"]) == ("invalid", 409, "phone_taken")
    bob.refresh_from_db()
    assert bob.phone == ES


def test_a_code_of_a_change_is_no_log_in_and_nobody_elses(as_alice: Any, as_bob: Any, code_to: Any) -> None:
    ident = send(as_alice).json()["id"]
    assert typed(ident, code_to(ES)).json()["code"] == "code_expired"
    assert as_bob.post(f"{MINE}/{ident}", {"code": code_to(ES)}, format="json").status_code == 404
    assert as_alice.post(f"{MINE}/{ident}", {"code": code_to(ES)}, format="json").status_code == 200


def test_a_number_is_removed_where_another_way_in_is_left(
    as_alice: Any, alice: Any, by_phone: Any, code_to: Any
) -> None:
    people().filter(id=alice.id).update(phone=US)
    assert as_alice.delete(MINE, PROOF, format="json").status_code == 204
    alice.refresh_from_db()
    assert alice.phone is None
    _user, client = by_phone
    client.post("/api/v1/me/codes")
    refused = client.delete(MINE, {"code": code_to(ES)}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_way_in")


def test_who_has_no_password_shows_who_they_are_by_a_code(by_phone: Any, code_to: Any) -> None:
    user, client = by_phone
    assert client.post("/api/v1/me/codes").status_code == 202
    wrong = client.delete("/api/v1/me", {"code": other(code_to(ES))}, format="json")
    assert wrong.status_code == 422
    assert client.delete("/api/v1/me", {"code": code_to(ES)}, format="json").status_code == 202
    user.refresh_from_db()
    assert (user.is_active, user.phone) == (False, None)


def test_who_has_a_password_uses_it(as_alice: Any, alice: Any) -> None:
    for phone in (None, ES):
        people().filter(id=alice.id).update(phone=phone)
        assert as_alice.post("/api/v1/me/codes").json()["code"] == "proof_by_password"


def test_the_pages_change_and_remove_a_number(alice: Any, client: Any, code_to: Any) -> None:
    client.force_login(alice)
    page = client.post("/account/phone/", {"phone": ES, "proof": "wrong"})
    assert "Try again" in page.content.decode()
    assert f'value="{ES}"' in page.content.decode()
    client.post("/account/phone/", {"phone": ES, "proof": PROOF["password"]})
    page = client.post("/account/phone/code/", {"code": "12ab"})
    assert "six digits" in page.content.decode()
    assert client.post("/account/phone/code/", {"code": code_to(ES)})["Location"] == "/account/phone/"
    assert "+34 612 34 56 78" in client.get("/account/phone/").content.decode()
    assert ES in client.get("/account/").content.decode()
    client.post("/account/phone/remove/", {"proof": PROOF["password"]})
    assert "You have none here" in client.get("/account/phone/").content.decode()


def test_a_passkey_is_proof_enough_on_the_page(alice: Any, client: Any) -> None:
    passkey = Phone()
    passkey.add_to(alice)
    client.force_login(alice)
    page = client.get("/account/phone/").text
    assert "Use a passkey instead" in page
    assert "/static/passkey.js" in page
    answer = passkey.answer(client.post("/api/v1/me/passkey").json())
    sent = client.post("/account/phone/", {"phone": ES, "credential": json.dumps(answer)})
    assert sent["Location"] == "/account/phone/code/"


def test_the_page_of_who_has_no_password_sends_a_code(by_phone: Any, code_to: Any) -> None:
    user, _client = by_phone
    client = Client()
    client.force_login(user)
    page = client.get("/account/erase/").content.decode()
    assert 'form="send-proof"' in page  # of a form of its own: Enter in the field erases, and sends nothing
    assert '<form id="send-proof" method="post" action="/account/phone/proof/">' in page
    back = client.post("/account/phone/proof/", headers={"Referer": "http://testserver/account/erase/"})
    assert back["Location"] == "http://testserver/account/erase/"
    assert client.post("/account/erase/", {"proof": code_to(ES)}).status_code == 302
    assert not people().get(id=user.id).is_active


@pytest.mark.parametrize(
    "page", ["mfa_activate_totp", "mfa_add_webauthn", "account_email", "account_set_password"]
)
def test_a_new_way_in_asks_who_has_no_password_for_a_code(by_phone: Any, code_to: Any, page: str) -> None:
    user, _client = by_phone
    client, path = Client(), reverse(page)
    client.force_login(user)
    form = {"action_add": "", "email": "new@example.com"} if page == "account_email" else None
    asked = client.post(path, form) if form else client.get(path)
    assert asked["Location"].startswith("/account/confirm/?next=")
    assert 'form="send-proof"' in client.get(asked["Location"]).content.decode()
    client.post("/account/phone/proof/")
    wrong = client.post(asked["Location"], {"proof": other(code_to(ES))})
    assert wrong["Location"] != path
    assert client.post(asked["Location"], {"proof": code_to(ES)})["Location"] == path
    assert client.get(path).status_code == 200


def test_archive_and_erasure_hold_the_number_and_its_codes(by_phone: Any) -> None:
    user, _client = by_phone
    found = {
        m.path: b"".join(m.chunks or []).decode() for m in members(Export(user=user, scope="everything"))
    }
    [row] = json.loads(found["account/phone-codes.json"])
    assert row["phone"] == json.loads(found["account/profile.json"])["phone"] == ES
    assert not {"digest", "asker"} & row.keys()
    erasure.ask(user)
    assert not PhoneCode.objects.exists()
    assert not people().filter(phone=ES).exists()


def test_a_proven_number_is_worth_a_proven_address(by_phone: Any) -> None:
    user, _client = by_phone
    assert emails.is_confirmed(user)
    assert not emails.tell(user.id, lambda: ("", ""))


def test_who_proves_an_address_without_a_session_shuts_the_number_of_a_stranger_out(
    by_phone: Any, code_to: Any
) -> None:
    """Somebody adds the address of another person, who opens the link: it is their account then, alone."""
    user, _client = by_phone
    thief, owner = Client(), Client()
    thief.force_login(user)
    thief.post("/account/phone/proof/")
    thief.post("/account/confirm/", {"proof": code_to(ES)})
    thief.post("/accounts/email/", {"email": "owner@example.com", "action_add": ""})
    owner.post(link("owner@example.com"))
    user.refresh_from_db()
    assert (user.proven_address, user.phone) == ("owner@example.com", None)
    assert thief.get("/account/").status_code == 302
    assert list(addresses.holders("owner@example.com")) == [user]
