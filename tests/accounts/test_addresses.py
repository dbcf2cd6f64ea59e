"""Whose an address is: who typed it before its owner came (pre-hijack) keeps no way in."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail

from accounts.models import User
from tests.accounts.people import browser, choose, is_in, link, log_in, me, post, reset, sign_up
from tests.conftest import confirmed
from tests.factory import PASSWORD

pytestmark = pytest.mark.django_db
VICTIM, THIEF = "victim@example.com", "thief@example.com"
NEW = "my very own password"


def change_address(client: Any, email: str, password: str = PASSWORD) -> Any:
    """With the password asked for again."""
    client.post("/accounts/reauthenticate/", {"password": password})
    return client.post("/accounts/email/", {"action_add": "", "email": email})


def hijack() -> tuple[Any, str, Any]:
    """A thief signs up with the victim's address and leaves what they can: (browser, token, user)."""
    thief = browser("203.0.113.66")
    sign_up(thief, VICTIM)
    token = post(browser(), "/auth/login", {"email": VICTIM, "password": PASSWORD}).json()["meta"][
        "access_token"
    ]
    user = User.objects.get(email=VICTIM)
    EmailAddress.objects.create(user=user, email=THIEF, verified=True)
    TOTP.activate(user, generate_totp_secret())
    return thief, token, user


def expelled(thief: Any, token: str, user: Any) -> bool:
    """No session, token, password, second factor or other address of the thief works any more."""
    before = len(mail.outbox)
    browser().post("/accounts/password/reset/", {"email": THIEF})
    rows = list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))
    ways = (is_in(thief), me(token) == 200, log_in(browser(), VICTIM), log_in(browser(), THIEF))
    factors = Authenticator.objects.filter(user=user).exists()
    return not any(ways) and not factors and len(mail.outbox) == before and rows == [(VICTIM, True, True)]


def test_a_reset_by_the_owner_expels_who_signed_up_with_the_address(db: None) -> None:
    theirs = hijack()
    owner = browser()
    reset(owner, VICTIM, NEW)
    assert expelled(*theirs)
    assert log_in(owner, VICTIM, NEW)


def test_the_first_proof_of_an_address_expels_them_and_asks_for_a_password(db: None) -> None:
    theirs = hijack()
    owner, path = browser(), link(VICTIM)
    assert "choose a new password" in owner.get(path).content.decode()
    answer = owner.post(path)
    assert expelled(*theirs)
    choose(owner, answer["Location"], NEW)
    assert log_in(owner, VICTIM, NEW)


def test_who_confirms_while_logged_in_keeps_session_and_password(db: None) -> None:
    mine, other = browser(), browser()
    sign_up(mine, VICTIM)
    log_in(other, VICTIM)
    assert mine.post(link(VICTIM)).status_code == 302
    assert (is_in(mine), is_in(other)) == (True, False)
    assert log_in(browser(), VICTIM)
    assert User.objects.get(email=VICTIM).proven_address == VICTIM


def test_a_client_of_the_api_confirms_with_its_token_and_keeps_it(db: None) -> None:
    made = post(browser(), "/auth/signup", {"email": VICTIM, "password": PASSWORD}).json()["meta"]
    key = link(VICTIM).split("/")[-2].replace("%3A", ":")
    said = post(browser(), "/auth/email/verify", {"key": key}, made["access_token"])
    assert (said.status_code, me(made["access_token"])) == (200, 200)


def test_a_change_that_was_asked_for_before_a_reset_counts_no_more(db: None) -> None:
    thief = browser("203.0.113.66")
    sign_up(thief, VICTIM)
    user = User.objects.get(email=VICTIM)
    proven_row = EmailAddress.objects.filter(user=user)
    proven_row.update(verified=True)  # the owner has confirmed it, and the thief's session is old
    assert change_address(thief, THIEF).status_code == 302
    waiting = link(THIEF)
    reset(browser(), VICTIM, NEW)
    browser().post(waiting)
    assert list(proven_row.values_list("email", flat=True)) == [VICTIM]


def test_an_address_that_an_account_wants_to_change_to_opens_nothing_yet(alice: Any) -> None:
    thief = browser()
    confirmed(alice)
    assert log_in(thief, alice.email)
    change_address(thief, VICTIM)
    sent = len(mail.outbox)
    browser().post("/accounts/password/reset/", {"email": VICTIM})
    assert len(mail.outbox) == sent
    assert not log_in(browser(), VICTIM)


def test_a_new_address_needs_the_password_again_and_replaces_the_old_one(alice: Any) -> None:
    confirmed(alice)
    mine = browser()
    log_in(mine, alice.email)
    asked = mine.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    assert "reauthenticate" in asked["Location"]
    assert not EmailAddress.objects.filter(email="new@example.com").exists()
    change_address(mine, "new@example.com")
    assert log_in(browser(), "alice@example.com")
    mine.post(link("new@example.com"))
    assert not log_in(browser(), "alice@example.com")
    assert log_in(browser(), "new@example.com")
    alice.refresh_from_db()
    assert (alice.email, alice.proven_address) == ("new@example.com", "new@example.com")


def test_a_mistyped_address_is_changed_before_it_was_proven(db: None) -> None:
    mine = browser()
    sign_up(mine, "typo@example.com")
    change_address(mine, "right@example.com")
    assert log_in(browser(), "right@example.com")
    assert not log_in(browser(), "typo@example.com")
    assert User.objects.get(email="right@example.com").address == "right@example.com"


def test_the_owner_signs_up_beside_who_typed_the_address_first(db: None) -> None:
    thief, owner = browser("203.0.113.66"), browser()
    sign_up(thief, VICTIM)
    first = User.objects.get(email=VICTIM)
    sign_up(owner, VICTIM, NEW)
    second = User.objects.exclude(id=first.id).get()
    assert (second.email, second.address) == (None, VICTIM)
    EmailAddress.objects.get(user=second).send_confirmation()
    owner.post(link(VICTIM))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.email, second.email, second.proven_address) == (None, VICTIM, VICTIM)
    assert not EmailAddress.objects.get(user=first).can_set_verified()


def test_the_second_factor_of_a_proven_account_outlives_a_reset(alice: Any) -> None:
    confirmed(alice)
    TOTP.activate(alice, generate_totp_secret())
    reset(browser(), alice.email, NEW)
    assert Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("by_reset", [True, False])
def test_a_mailbox_alone_takes_no_second_factor_from_staff(by_reset: bool) -> None:
    thief = browser()
    sign_up(thief, VICTIM)
    user = User.objects.get(email=VICTIM)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    TOTP.activate(user, generate_totp_secret())
    if by_reset:
        reset(browser(), VICTIM, NEW)
    else:
        browser().post(link(VICTIM))
    assert Authenticator.objects.filter(user=user).exists()
