"""Rate limits: per user, or per address without a login. A forged header does not change the address."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.test import RequestFactory

from config.web.ratelimit import address, network, who

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_earlier_requests() -> None:
    caches["redis"].clear()


def test_only_addresses_that_our_own_proxies_wrote_count(settings: Any) -> None:
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3"}, REMOTE_ADDR="9.9.9.9"
    )
    seen = []
    for settings.PROXIES in (0, 1, 2):
        seen.append(address(request))
    assert seen == ["9.9.9.9", "3.3.3.3", "2.2.2.2"]


@pytest.mark.parametrize(
    "seen, one, another",
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"),
        ("::ffff:203.0.113.7", "203.0.113.7", "::ffff:203.0.113.8"),
        ("not an address", "not an address", "::1"),
    ],
)
def test_ipv6_clients_are_counted_by_their_network(seen: str, one: str, another: str) -> None:
    first, same, other = (RequestFactory().get("/", REMOTE_ADDR=each) for each in (seen, one, another))
    assert network(first) == network(same) != network(other)
    assert who(first) == f"address:{network(same)}"


def test_an_address_is_limited_whatever_x_forwarded_for_says(client: Any) -> None:
    answers = [client.post("/api/v1/verify", headers={"X-Forwarded-For": f"10.0.0.{i}"}) for i in range(61)]
    assert {a.status_code for a in answers[:60]} == {400}
    last = answers[60]
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert int(last["Retry-After"]) >= 1
    assert last["RateLimit-Policy"] == '"default";q=60;w=3600'
    assert client.post("/api/v1/verify", REMOTE_ADDR="8.8.8.8").status_code == 400


def test_a_user_is_limited_by_account_and_not_by_address(as_alice: Any, as_bob: Any) -> None:
    answers = [
        as_alice.post("/api/v1/albums", {"name": str(i)}, format="json").status_code for i in range(121)
    ]
    assert answers == [201] * 120 + [429]
    assert as_bob.post("/api/v1/albums", {"name": "mine"}, format="json").status_code == 201
