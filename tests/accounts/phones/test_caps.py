"""How many codes are sent, and how many are tried: nothing that one does in parallel gets more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.phones import services
from accounts.phones.models import PhoneCode, Purpose
from config.errors import DomainError, RateLimited
from tests.accounts.phones.conftest import AUTH, ES, US, asked, post
from tests.plugin import Share

pytestmark = pytest.mark.django_db
CODES = PhoneCode.objects


def ask(phone: str, asker: str, **more: Any) -> str:
    """The outcome: "sent", or the code of the refusal."""
    try:
        services.ask(phone, purpose=Purpose.ENTER, asker=asker, **more)
    except DomainError as error:
        return error.code
    return "sent"


def earlier(by: timedelta) -> None:
    CODES.update(created_at=timezone.now() - by)


def test_a_number_gets_five_codes_an_hour_and_ten_a_day_whoever_asks() -> None:
    assert [ask(ES, f"a{n}") for n in range(7)] == ["sent"] * 5 + ["rate_limited"] * 2
    earlier(timedelta(hours=1, seconds=1))
    assert [ask(ES, f"b{n}") for n in range(6)] == ["sent"] * 5 + ["rate_limited"]
    earlier(timedelta(hours=2))
    assert ask(ES, "c") == "rate_limited"  # ten in a day
    assert ask(US, "c") == "sent"


def test_the_refusal_is_a_problem_that_says_when_to_come_back() -> None:
    answers = [asked(client=Client(REMOTE_ADDR=f"198.51.100.{n}")) for n in range(6)]
    assert [a.status_code for a in answers] == [202] * 5 + [429]
    assert answers[4]["RateLimit"] == '"address";r=9;t=3600'  # nothing about the number
    refused = answers[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert (refused.json()["code"], refused["RateLimit-Policy"]) == ("rate_limited", '"phone";q=5;w=3600')
    assert 3500 < int(refused["Retry-After"]) <= 3600
    by_mail = asked(client=Client(REMOTE_ADDR="198.51.100.9"), channel="email")
    assert by_mail.status_code == 202  # the way that stays open


def test_forged_addresses_are_one_asker(settings: Any) -> None:
    """A hundred addresses in X-Forwarded-For: only the one that our proxy wrote counts."""
    settings.PROXIES = 1
    numbers = [f"+3461{n % 10}{n:06}" for n in range(100, 200)]
    seen = [
        asked(phone, Client(headers={"X-Forwarded-For": f"10.0.0.{n}, 203.0.113.7"})).status_code
        for n, phone in enumerate(numbers)
    ]
    assert seen == [202] * 10 + [429] * 90


def test_five_hundred_neighbours_get_twenty_codes(share: Share) -> None:
    """Each number from an address of its own, as those do who are paid for messages to a block of numbers."""
    numbers = share.of(range(500), 60)
    said = [ask(f"+34612345{n:03}", f"asker {n}") for n in numbers]
    assert said == ["sent"] * 20 + ["rate_limited"] * (len(numbers) - 20)


def test_the_guard_of_costs_stops_messages_and_leaves_the_email(settings: Any) -> None:
    settings.SMS_A_DAY = 1
    assert asked(ES).status_code == 202
    paused = asked(US)
    assert (paused.status_code, paused.json()["code"]) == (503, "sms_paused")
    assert paused.json()["channels"] == ["email"]
    assert asked(US, channel="email").status_code == 202
    page = Client().post("/accounts/phone/", {"phone": US}).content.decode()
    assert 'name="channel" value="email"' in page
    assert "No more text messages" in page
    earlier(timedelta(days=1, seconds=1))
    assert asked(US).status_code == 202


def test_strangers_who_use_the_emails_up_do_not_shut_a_known_device_out(alice: Any, client: Any) -> None:
    type(alice).objects.filter(id=alice.id).update(phone=ES)
    client.post("/accounts/login/", {"login": alice.email, "password": "a long password"})
    for n in range(6):
        last = asked(client=Client(REMOTE_ADDR=f"198.51.100.{n}"), channel="email")
    assert last.status_code == 429
    assert asked(client=client, channel="email").status_code == 202


def test_guesses_at_many_codes_are_limited_by_address(client: Any) -> None:
    where = f"{AUTH}/00000000-0000-4000-8000-000000000000"
    said = [post(client, where, {"code": "123456"}).status_code for _ in range(61)]
    assert said == [409] * 60 + [429]


# ---------------------------------------------------------------- in parallel


def in_parallel(times: int, work: Any) -> list[Any]:
    def one(n: int) -> Any:
        try:
            return work(n)
        except DomainError as error:
            return error.code
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, range(times)))


@pytest.mark.django_db(transaction=True)
def test_of_two_hundred_parallel_guesses_five_are_compared() -> None:
    row, code = services.ask(ES, purpose=Purpose.ENTER, asker="a")
    wrong = [f"{(int(code) + 1 + n) % 10**6:06}" for n in range(199)]
    guesses = [*wrong[:100], code, *wrong[100:]]  # the right one comes too late
    said = in_parallel(200, lambda n: services.spend(row.id, guesses[n], purpose=Purpose.ENTER))
    row.refresh_from_db()
    assert (row.attempts, said.count("invalid"), said.count("code_expired")) == (5, 4, 196)
    assert row.used_at is None


@pytest.mark.django_db(transaction=True)
def test_a_right_code_sent_by_many_at_once_counts_once() -> None:
    row, code = services.ask(ES, purpose=Purpose.ENTER, asker="a")
    said = in_parallel(8, lambda _n: services.spend(row.id, code, purpose=Purpose.ENTER).pk)
    assert said.count(row.pk) == 1
    assert said.count("code_expired") == 7


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_get_no_more_than_the_cap() -> None:
    said = in_parallel(24, lambda n: ask(ES, f"asker {n}"))
    assert said.count("sent") == 5
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_phonecode SET attempts = 5")
        with pytest.raises(Exception, match="at_most_five_tries_a_code"):
            cursor.execute("UPDATE accounts_phonecode SET attempts = 6")


def test_a_limit_of_nothing_closes_the_door(settings: Any) -> None:
    from config.start.limits import Limit

    settings.LIMITS = {**settings.LIMITS, "codes": Limit("codes", phone="0/h")}
    with pytest.raises(RateLimited):
        services.ask(ES, purpose=Purpose.ENTER, asker="a")
