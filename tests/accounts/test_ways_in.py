"""Hashes of passwords, proofs that are asked for, sessions ended one by one, and push that ends with them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import check_password, make_password

from accounts.models import Export
from accounts.notices.models import PushSubscription
from config.runs.events import session_id
from tests.accounts.passkey import Phone
from tests.accounts.people import browser, is_in, log_in
from tests.conftest import client_of
from tests.rights import SECRET, code

pytestmark = pytest.mark.django_db
PROOF = {"proof": "a long password"}

# ---------------------------------------------------------------- passwords


@pytest.fixture
def argon(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashing.Argon2", *settings.PASSWORD_HASHERS]


def test_passwords_are_hashed_by_argon2id_with_a_salt_each(argon: None) -> None:
    one, two = make_password("a long password"), make_password("a long password")
    assert one.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != two
    assert [check_password(text, one) for text in ("a long password", "another")] == [True, False]


def test_an_older_hash_is_replaced_at_the_next_log_in_and_not_by_another_proof(
    alice: Any, settings: Any
) -> None:
    client = browser()
    log_in(client, alice.email)
    settings.PASSWORD_HASHERS = ["accounts.hashing.Argon2", *settings.PASSWORD_HASHERS]
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    alice.refresh_from_db()
    assert (alice.password.startswith("md5"), is_in(client)) == (True, True)
    for _again in range(2):
        assert log_in(browser(), alice.email)
        alice.refresh_from_db()
        assert alice.password.startswith("argon2$argon2id")


@pytest.mark.parametrize(
    "password, taken",
    [
        ("nine long", False),
        ("Password123456", False),  # in the list
        ("sunshine123", False),  # "sunshine" is
        ("2024!california", False),
        ("sunshine6283185", True),  # seven digits
        ("sunshine and rain", True),
        ("14159265358979", True),
    ],
)
def test_length_counts_and_what_leaks_show_does_not_pass(client: Any, password: str, taken: bool) -> None:
    answer = client.post("/accounts/signup/", {"email": "me@example.com", "password1": password})
    assert (answer.status_code == 302) is taken


@pytest.mark.parametrize("page", ["login", "signup", "password/reset"])
def test_a_field_has_its_name_above_and_not_inside_too(client: Any, page: str) -> None:
    text = client.get(f"/accounts/{page}/").text
    assert '<label for="id_' in text
    assert "placeholder" not in text


# ---------------------------------------------------------------- a proof first


@pytest.mark.parametrize(
    "path, form, done",
    [
        ("/account/everything/", {}, lambda user: Export.objects.filter(user=user).exists()),
        (
            "/account/erase/",
            {},
            lambda user: not type(user).objects.filter(pk=user.pk, is_active=True).exists(),
        ),
        ("/account/developers/", {"name": "k", "scopes": "read"}, lambda user: user.api_keys.exists()),
        ("/gallery/locked/open/", {}, None),
    ],
)
def test_what_is_delicate_asks_for_a_proof_and_is_refused_without(
    client: Any, alice: Any, path: str, form: dict[str, str], done: Any
) -> None:
    client.force_login(alice)
    for wrong in (
        {},
        {"proof": "wrong"},
        {"credential": "{}"},
        {"credential": '{"id": 1}'},
        {"credential": "x"},
    ):
        client.post(path, form | wrong)
        assert not done or not done(alice)
    client.post(path, form | PROOF)
    assert not done or done(alice)


def test_another_address_asks_for_the_password_again(client: Any, alice: Any) -> None:
    client.force_login(alice)
    change = {"email": "new@example.com", "action_add": ""}
    asked = client.post("/accounts/email/", change)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert alice.emailaddress_set.count() == 1


# ---------------------------------------------------------------- passkeys


def send(client: Any, path: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/{path}", body or {}, "application/json")


def test_a_passkey_proves_who_asks_and_its_answer_is_good_once(client: Any, alice: Any) -> None:
    phone = Phone()
    row = phone.add_to(alice)
    client.force_login(alice)
    proof = {"credential": phone.answer(send(client, "me/passkey").json())}
    assert send(client, "locked/open", proof).status_code == 200
    row.refresh_from_db()
    assert row.last_used_at
    assert send(client, "me/export", proof).json()["code"] == "invalid"
    form = {"credential": json.dumps(phone.answer(send(client, "me/passkey").json()))}
    assert client.post("/account/everything/", form)["Location"].startswith("/account/archives/")


def test_another_key_site_challenge_or_person_proves_nothing(client: Any, alice: Any, bob: Any) -> None:
    mine, other = Phone(), Phone()
    mine.add_to(alice)
    other.ident = b"of bob"
    other.add_to(bob)
    client.force_login(alice)
    old = send(client, "me/passkey").json()
    forged = Phone()
    forged.ident = mine.ident
    for answer in (
        lambda asked: forged.answer(asked),
        lambda asked: other.answer(asked),
        lambda asked: mine.answer(asked, origin="https://evil.example"),
        lambda asked: mine.answer(old),
    ):
        asked = send(client, "me/passkey").json()
        refused = send(client, "locked/open", {"credential": answer(asked)})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


def test_a_challenge_needs_a_passkey_and_a_session(client: Any, alice: Any) -> None:
    client.force_login(alice)
    assert send(client, "me/passkey").json()["code"] == "no_passkey"
    Phone().add_to(alice)
    without = client_of(alice).post("/api/v1/me/passkey")
    assert without.json()["code"] == "reauthentication_required"


def test_a_passkey_alone_logs_in_and_the_page_of_security_names_it(client: Any, alice: Any) -> None:
    phone = Phone()
    row = phone.add_to(alice)
    page = "/accounts/2fa/webauthn/login/"
    asked = client.get(page, headers={"Accept": "application/json"}).json()["request_options"]
    answer = phone.answer(asked)
    handle = urlsafe_b64encode(user_pk_to_url_str(alice).encode()).decode().rstrip("=")
    answer["response"]["userHandle"] = handle
    assert client.post(page, {"credential": json.dumps(answer)})["Location"] == "/twins/"
    assert "phone" in client.get("/accounts/2fa/").text
    stranger = browser()
    stranger.post(page, {"credential": json.dumps(answer)})
    assert not is_in(stranger)
    remove = f"/accounts/2fa/webauthn/keys/{row.pk}/remove/"
    assert client.get(remove)["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")


# ---------------------------------------------------------------- an app with codes


def code_asked(client: Any, alice: Any) -> bool:
    """Whether the right password alone leads to the question for a code."""
    form = {"login": alice.email, "password": "a long password"}
    return bool(client.post("/accounts/login/", form)["Location"].startswith("/accounts/2fa/authenticate/"))


def test_with_an_app_a_code_is_asked_for_and_each_recovery_code_counts_once(client: Any, alice: Any) -> None:
    log_in(client, alice.email)
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    client.get("/accounts/2fa/totp/activate/")
    assert "Incorrect code" in client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).text
    session = client.session
    session["mfa.totp.secret"] = SECRET
    session.save()
    assert client.post("/accounts/2fa/totp/activate/", {"code": code()}).status_code == 302
    codes = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()
    client.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})
    page = client.get("/accounts/2fa/recovery-codes/").text
    assert all(f"<code>{each}</code>" in page for each in codes)
    assert "The 9 codes that are left" in client.get("/accounts/2fa/recovery-codes/generate/").text
    for tries, lets_in in (("nothing", False), (codes[0], True), (codes[0], False), (codes[1], True)):
        other = browser()
        assert code_asked(other, alice)
        other.post("/accounts/2fa/authenticate/", {"code": tries})
        assert is_in(other) == lets_in


# ---------------------------------------------------------------- sessions


def test_one_session_is_ended_and_strangers_end_none(alice: Any, bob: Any) -> None:
    here, there, stranger = browser(), browser(), browser()
    for client, user in ((here, alice), (there, alice), (stranger, bob)):
        log_in(client, user.email)
    other = UserSession.objects.get(session_key=there.session.session_key)
    mine = UserSession.objects.get(session_key=here.session.session_key)
    assert f'value="{other.pk}"' in here.get("/accounts/sessions/").text
    ask = "/account/sessions/end/"
    assert stranger.post(ask, {"id": other.pk}).status_code == 404
    assert [here.post(ask, {"id": ident}).status_code for ident in (mine.pk, "x", "")] == [404] * 3
    assert [here.post(ask, {"id": other.pk}).status_code for _twice in range(2)] == [302, 404]
    assert [is_in(client) for client in (here, there, stranger)] == [True, False, True]


def pushed(client: Any, user: Any) -> PushSubscription:
    """A browser that shows notices, subscribed in the client's session."""
    key = client.session.session_key
    return PushSubscription.objects.create(user=user, endpoint=f"https://p/{key}", session=session_id(key))


def test_notices_to_a_browser_end_with_its_session(alice: Any) -> None:
    here, there, gone = browser(), browser(), browser()
    for client in (here, there, gone):
        log_in(client, alice.email)
    mine = [pushed(client, alice).pk for client in (here, there, gone)]
    gone.post("/accounts/logout/")
    assert list(PushSubscription.objects.values_list("pk", flat=True)) == mine[:2]
    here.post(
        "/account/sessions/end/", {"id": UserSession.objects.get(session_key=there.session.session_key).pk}
    )
    assert list(PushSubscription.objects.values_list("pk", flat=True)) == mine[:1]


def test_a_new_password_ends_the_others_and_keeps_this_one(alice: Any) -> None:
    here, there = browser(), browser()
    for client in (here, there):
        log_in(client, alice.email)
        pushed(client, alice)
    new = {"oldpassword": "a long password", "password1": "another long one", "password2": "another long one"}
    here.post("/accounts/password/change/", new)
    assert [is_in(client) for client in (here, there)] == [True, False]
    assert [p.session for p in PushSubscription.objects.all()] == [session_id(here.session.session_key)]
    assert UserSession.objects.count() == 1
