"""Limits of wrong passwords stop who guesses, and nobody else. Nothing tells which addresses are known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection, connections

from accounts import addresses
from accounts.models import User
from tests.accounts.people import WRONG, browser, is_in, log_in, post, sign_up
from tests.conftest import confirmed
from tests.factory import PASSWORD

pytestmark = pytest.mark.django_db
ALICE = "alice@example.com"


class Counting(MD5PasswordHasher):
    """Remembers the passwords that it hashed."""

    hashed: list[str] = []  # noqa: RUF012  shared by all of its instances

    def encode(self, password: str, salt: str) -> str:
        self.hashed.append(password)
        return super().encode(password, salt)


@pytest.fixture
def hashed(settings: Any) -> list[str]:
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.hashed.clear()
    return Counting.hashed


def guess(client: Any, times: int = 5, email: str = ALICE) -> None:
    for _ in range(times):
        assert not log_in(client, email, WRONG)


def test_five_wrong_passwords_stop_who_guessed(alice: Any) -> None:
    thief = browser()
    guess(thief)
    assert (
        "Too many" in thief.post("/accounts/login/", {"login": ALICE, "password": PASSWORD}).content.decode()
    )
    said = post(thief, "/auth/login", {"email": ALICE, "password": PASSWORD})
    assert (said.status_code, said.json()["errors"][0]["code"]) == (400, "too_many_login_attempts")


def test_who_guesses_from_all_addresses_of_an_ipv6_network_is_one(alice: Any) -> None:
    for n in range(5):
        assert not log_in(browser(f"2001:db8:1:2::{n}"), alice.email, WRONG)
    assert not log_in(browser("2001:db8:1:2:ffff::9"), alice.email)
    assert log_in(browser("2001:db8:1:3::9"), alice.email)


def test_ipv4_clients_of_a_dual_socket_are_not_one(alice: Any) -> None:
    for _ in range(5):
        assert not log_in(browser("::ffff:192.0.2.1"), alice.email, WRONG)
    assert log_in(browser("::ffff:192.0.2.2"), alice.email)


def test_ten_thousand_other_keys_evict_no_count(alice: Any) -> None:
    thief = browser()
    guess(thief)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_cache SELECT 'other:' || n, '', now() + interval '1 hour'"
            " FROM generate_series(1, 10000) n"
        )
    for n in range(5):
        cache.set(f"another-{n}", n)
    assert not log_in(thief, ALICE)
    assert [cache.get(f"another-{n}") for n in range(5)] == list(range(5))


def test_the_counters_keep_what_lives_and_take_over_what_expired(db: None) -> None:
    assert cache.add("key", 1, 60)
    assert not cache.add("key", 2, 60)
    assert cache.touch("key", -1)
    assert cache.get("key") is None
    assert cache.add("key", 3, None)
    assert cache.get("key") == 3


def test_wrong_passwords_elsewhere_do_not_lock_the_owner_out(alice: Any) -> None:
    for n in range(8):
        guess(browser(f"198.51.100.{n}"), times=5)
    assert log_in(browser("192.0.2.1"), ALICE)


def test_the_owner_gets_in_on_a_known_device_even_from_the_address_of_who_guesses(alice: Any) -> None:
    owner = browser()
    assert log_in(owner, ALICE)
    owner.post("/accounts/logout/")
    guess(browser(), times=6)
    assert not log_in(browser(), ALICE)
    assert log_in(owner, ALICE)


def test_a_stolen_known_device_has_five_guesses_too(alice: Any) -> None:
    owner = browser()
    log_in(owner, ALICE)
    owner.post("/accounts/logout/")
    guess(owner)
    assert not log_in(owner, ALICE)


def test_a_device_is_known_for_its_people_alone_and_until_the_password_changes(alice: Any, bob: Any) -> None:
    owner = browser()
    log_in(owner, ALICE)
    owner.post("/accounts/logout/")
    guess(browser(), times=6)
    guess(browser(), times=6, email=bob.email)
    assert not log_in(owner, bob.email)
    alice.set_password("another password")
    alice.save()
    assert not log_in(owner, ALICE, "another password")


def test_an_own_account_with_somebodys_address_brings_no_more_guesses(alice: Any) -> None:
    confirmed(alice)
    sign_up(browser("192.0.2.7"), ALICE, "the thief's password")
    thieves = [browser(), browser()]
    assert all(log_in(thief, ALICE, "the thief's password") for thief in thieves)
    for thief in thieves:
        thief.post("/accounts/logout/")
    guess(thieves[0])
    assert not log_in(thieves[1], ALICE)
    assert log_in(thieves[1], ALICE, "the thief's password")


def test_later_sign_ups_with_an_address_do_not_keep_its_first_account_out(db: None) -> None:
    passwords = [f"the password of sign-up {n}" for n in range(4)]
    for n, password in enumerate(passwords):
        sign_up(browser(f"192.0.2.{n}"), ALICE, password)
    got_in = [log_in(browser(f"198.51.100.{n}"), ALICE, password) for n, password in enumerate(passwords)]
    assert got_in == [True, False, False, True]  # the oldest and the newest


def test_one_address_does_not_guess_at_many_accounts(alice: Any) -> None:
    thief = browser()
    for n in range(29):
        post(thief, "/auth/login", {"email": f"person{n}@example.com", "password": WRONG})
    assert not log_in(browser(), "person30@example.com", WRONG)
    assert post(browser(), "/auth/login", {"email": ALICE, "password": PASSWORD}).status_code != 200
    assert log_in(browser("192.0.2.2"), ALICE)


def test_a_right_password_between_wrong_ones_clears_no_count(alice: Any, bob: Any) -> None:
    thief = browser()
    guess(thief, times=4)
    assert log_in(browser(), bob.email)
    guess(thief, times=1)
    assert not log_in(thief, ALICE)


@pytest.mark.django_db(transaction=True)
def test_of_many_parallel_guesses_five_are_tried(hashed: list[str]) -> None:
    User.objects.create_user(email=ALICE, password=PASSWORD)

    def once(_n: int) -> bool:
        try:
            return log_in(browser(), ALICE, WRONG)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(once, range(16)))
    assert 1 <= hashed.count(WRONG) / (addresses.MOST + 1) <= 5


# ---------------------------------------------------------------- known addresses


@pytest.mark.parametrize("known", [True, False])
def test_who_shares_an_address_sees_no_other_account_by_time_or_log_in(
    alice: Any, known: bool, hashed: list[str]
) -> None:
    confirmed(alice)
    email = ALICE if known else "nobody@example.com"
    for n in range(2):
        sign_up(browser(f"192.0.2.{n}"), email, f"the thief's password {n}")
    hashed.clear()
    assert not log_in(browser(), email, WRONG)
    assert len(hashed) == 3
    assert all(log_in(browser(), email, f"the thief's password {n}") for n in range(2))
    assert len(hashed) == 9


def test_sign_up_answers_alike_for_known_and_unknown_addresses(alice: Any) -> None:
    confirmed(alice)
    pages = [sign_up(browser(), email) for email in (ALICE, "new@example.com")]
    seen = [(page.status_code, page["Location"], sorted(page.cookies)) for page in pages]
    assert seen[0] == seen[1]
    shown = []
    for email in (ALICE, "z@example.com"):
        said = post(browser(), "/auth/signup", {"email": email, "password": PASSWORD})
        user = said.json()["data"]["user"]
        assert (user["email"], user["display"]) == (email, email)
        shown.append((said.status_code, sorted(said.json()["meta"]), sorted(user)))
    assert shown[0] == shown[1]


def test_a_second_account_with_an_address_works_like_any_other(alice: Any) -> None:
    confirmed(alice)
    stranger = browser()
    sign_up(stranger, ALICE, "another password")
    assert is_in(stranger)
    assert ALICE in stranger.get("/account/").content.decode()
    stranger.post("/accounts/logout/")
    assert log_in(stranger, ALICE, "another password")
    assert log_in(browser(), ALICE)
    token = post(browser(), "/auth/login", {"email": ALICE, "password": "another password"}).json()
    shown = browser().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token['meta']['access_token']}").json()
    assert shown["email"] == ALICE
    assert shown["id"] != str(alice.id)


@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/auth/password/request"])
def test_a_reset_answers_alike_for_known_and_unknown_addresses(alice: Any, path: str) -> None:
    said = []
    for email in (ALICE, "nobody@example.com"):
        send = post if path.startswith("/auth") else (lambda c, p, d: c.post(p, d))
        answer = send(browser(), path, {"email": email})  # type: ignore[no-untyped-call]
        said.append((answer.status_code, answer.content, answer.get("Location")))
    assert said[0] == said[1]


def test_an_account_without_a_language_takes_that_of_its_first_log_in(alice: Any) -> None:
    """The demonstration is such an account."""
    User.objects.filter(id=alice.id).update(language="")
    client = browser()
    for language in ("es", "en"):
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        assert log_in(client, alice.email)
        assert User.objects.get(id=alice.id).language == "es"
        client.logout()
