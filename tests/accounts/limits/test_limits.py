"""One's limits: the table, what is used, and what is left; on the page and in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches

from accounts.developers.services import create_key
from accounts.phones import services
from accounts.phones.models import Purpose
from config.start import env, limits
from tests.conftest import client_of

pytestmark = pytest.mark.django_db
LIMITS = "/api/v1/me/limits"


@pytest.fixture(autouse=True)
def _no_earlier_requests() -> None:
    caches["redis"].clear()


def of(client: Any, name: str, by: str = "user") -> Any:
    rows = client.get(LIMITS).json()
    return next(row for row in rows if (row["name"], row["by"]) == (name, by))


def test_what_is_used_and_left_of_each_kind(as_alice: Any, as_bob: Any, alice: Any) -> None:
    for name in ("a", "b"):
        as_alice.post("/api/v1/albums", {"name": name}, format="json")
    row = of(as_alice, "albums")
    assert (row["limit"], row["seconds"], row["used"], row["left"]) == (120, 3600, 2, 118)
    assert 0 <= row["resets_in"] <= 3600
    assert as_alice.get(LIMITS).json()[0]["name"] == "albums"  # the most used first
    assert of(as_bob, "albums")["used"] == 0
    assert of(as_alice, "restorations")["left"] == 10
    assert of(as_alice, "restorations", "address")["limit"] == 30


def test_those_of_keys_and_of_ones_number(as_alice: Any, alice: Any) -> None:
    from django.test import Client

    alice.phone = "+34612345678"
    alice.save()
    _row, key = create_key(alice, name="robot", scopes=["read"])
    seen = Client().get(LIMITS, headers={"Authorization": f"Api-Key {key}"})
    assert seen.status_code == 200
    row = of(as_alice, "api-key", "key")
    assert (row["of"], row["limit"], row["used"]) == ("robot", 600, 1)
    services.ask("+34612345678", purpose=Purpose.ENTER, asker="a")
    row = of(as_alice, "codes", "phone")
    assert (row["limit"], row["seconds"], row["used"], row["left"]) == (5, 3600, 1, 4)


def test_looking_counts_nothing(as_alice: Any) -> None:
    for _ in range(3):
        as_alice.get(LIMITS)
    assert {row["used"] for row in as_alice.get(LIMITS).json()} == {0}


def test_the_page_says_what_is_left(alice: Any, client: Any) -> None:
    client.force_login(alice)
    assert "all of your limits are whole" in client.get("/account/limits/").content.decode()
    client_of(alice).post("/api/v1/albums", {"name": "a"}, format="json")
    page = client.get("/account/limits/").content.decode()
    assert "119 of 120 left" in page
    assert "<meter" in page


def test_the_environment_changes_rows_and_a_mistake_stops_the_start(monkeypatch: Any) -> None:
    monkeypatch.setenv("LIMITS", "albums=7/m,codes.phone=3/h,restorations.address=1/d")
    found = limits.table()
    assert (found["albums"].user, found["codes"].phone) == ("7/m", "3/h,10/d")
    assert (found["restorations"].user, found["restorations"].address) == ("10/h", "1/d")
    for wrong in ("nothing=1/h", "albums=often", "albums.phone=1/h", "albums.title=1/h"):
        monkeypatch.setenv("LIMITS", wrong)
        with pytest.raises(env.Misconfigured, match="LIMITS"):
            limits.table()


def test_429_of_the_headless_api_is_a_problem_that_says_when(client: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "1/m/ip"}
    where = "/_allauth/app/v1/auth/password/request"
    for _ in range(2):
        answer = client.post(where, {"email": "a@example.com"}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert (answer.json()["code"], answer["Retry-After"]) == ("rate_limited", "60")
