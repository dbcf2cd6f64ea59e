"""Nothing tells whether a number has an account: neither the answer nor its time."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.phones.api import EntriesView
from config.start.limits import Limit
from tests.accounts.phones.conftest import AUTH

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "+34612345001", "+34612345002"


@pytest.fixture(autouse=True)
def _wide(settings: Any, alice: Any) -> None:
    settings.LIMITS = {
        **settings.LIMITS,
        **dict.fromkeys(("codes", "code_mails"), Limit("codes", phone="9999/h", address="9999/h")),
    }
    settings.SMS_A_DAY = 99_999
    get_user_model().objects.filter(id=alice.id).update(phone=KNOWN)


def ask(phone: str, channel: str) -> Any:
    """The view alone: Django's test client would also wait for what comes after the answer."""
    form = {"phone": phone, "channel": channel}
    return EntriesView.as_view()(RequestFactory().post(AUTH, form, "application/json"))


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_known_and_unknown_numbers_are_asked_for_by_the_same_queries(channel: str) -> None:
    seen = []
    for phone in (KNOWN, UNKNOWN):
        with CaptureQueriesContext(connection) as queries:
            answer = ask(phone, channel)
        said = [re.sub(r"'[^']*'|\"s\d+_x\d+\"|\d+", "?", query["sql"]) for query in queries]
        seen.append((answer.status_code, set(answer.data), said))
    assert seen[0] == seen[1]
    assert "accounts_user" not in str(seen)


def times(count: int, phone: str, channel: str) -> list[float]:
    seen = []
    for _ in range(count):
        began = time.perf_counter()
        assert ask(phone, channel).status_code == 202
        seen.append(time.perf_counter() - began)
    return seen


def rank_sum(one: list[float], other: list[float]) -> float:
    """The z of Mann and Whitney: beyond 3.3 (one in a thousand) the two differ."""
    rows = sorted([(t, 0) for t in one] + [(t, 1) for t in other])
    ranks = sum(rank for rank, (_t, which) in enumerate(rows, 1) if which == 0)
    n, m = len(one), len(other)
    mean, deviation = n * (n + m + 1) / 2, (n * m * (n + m + 1) / 12) ** 0.5
    return (ranks - mean) / deviation


def test_the_statistic_tells_a_millisecond() -> None:
    base = [0.004 + n * 0.00001 for n in range(200)]
    assert abs(rank_sum(base[::2], base[1::2])) < 1
    assert abs(rank_sum(base, [t + 0.001 for t in base])) > 3.3


@pytest.mark.thorough
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_two_hundred_answers_of_each_take_the_same_time(channel: str) -> None:
    times(20, KNOWN, channel)
    both: tuple[list[float], list[float]] = ([], [])
    for _round in range(20):  # in turns, so that what else the machine does falls on both
        for seen, phone in zip(both, (KNOWN, UNKNOWN), strict=True):
            seen += times(10, phone, channel)
    z = rank_sum(*both)
    medians = [1000 * statistics.median(seen) for seen in both]
    print(f"{channel}: median {medians[0]:.2f} ms known, {medians[1]:.2f} ms unknown, z = {z:.2f}")
    assert abs(z) < 3.3
