"""Tokens of the API: a refresh token works once, and everything ends with its person."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock, patch

import pytest
from allauth.headless.tokens.strategies.jwt import internal
from django.db import connections

from accounts.models import User
from tests.accounts.people import browser, me, post
from tests.factory import PASSWORD

pytestmark = pytest.mark.django_db


def tokens(email: str = "alice@example.com") -> tuple[str, str]:
    """(access, refresh)."""
    meta = post(browser(), "/auth/login", {"email": email, "password": PASSWORD}).json()["meta"]
    return meta["access_token"], meta["refresh_token"]


def refresh(token: str) -> Any:
    return post(browser(), "/tokens/refresh", {"refresh_token": token})


def renewed(token: str) -> tuple[str, str]:
    data = refresh(token).json()["data"]
    return data["access_token"], data["refresh_token"]


def test_a_refresh_token_is_spent_and_replaced(alice: Any) -> None:
    _access, first = tokens()
    access, second = renewed(first)
    assert me(access) == 200
    assert me(renewed(second)[0]) == 200


def test_a_spent_refresh_token_ends_its_whole_family_and_no_other(alice: Any) -> None:
    first_access, first = tokens()
    other_access, other = tokens()
    second_access, second = renewed(first)
    third_access, third = renewed(second)
    assert refresh(first).status_code == 401
    assert [me(token) for token in (first_access, second_access, third_access)] == [401] * 3
    assert [refresh(token).status_code for token in (first, second, third)] == [401] * 3
    assert me(other_access) == 200
    assert refresh(other).status_code == 200


def test_a_token_of_a_process_whose_clock_is_ahead_counts(alice: Any) -> None:
    with patch.object(internal, "time", Mock(time=lambda: time.time() + 3600)):
        access, first = tokens()
    assert me(access) == 200
    assert me(renewed(first)[0]) == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_token_is_refused(db: None, token: str) -> None:
    assert refresh(token).status_code in (400, 401)


def test_an_access_token_refreshes_nothing(alice: Any) -> None:
    access, first = tokens()
    assert refresh(access).status_code == 401
    assert refresh(first).status_code == 200


@pytest.mark.parametrize("end", ["disabled", "deleted", "new password"])
def test_tokens_end_at_once_with_their_person(alice: Any, end: str) -> None:
    access, newest = tokens()
    assert me(access) == 200
    if end == "deleted":
        User.objects.filter(id=alice.id).delete()
    elif end == "disabled":
        User.objects.filter(id=alice.id).update(is_active=False)
    else:
        alice.set_password("another password")
        alice.save()
    assert (me(access), refresh(newest).status_code) == (401, 401)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_uses_of_one_refresh_token_one_succeeds(db: None) -> None:
    User.objects.create_user(email="alice@example.com", password=PASSWORD)
    _access, first = tokens()

    def once(_n: int) -> int:
        try:
            return int(refresh(first).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(once, range(4)))
    assert said == [200, 401, 401, 401]
