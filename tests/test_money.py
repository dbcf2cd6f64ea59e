"""Money under races: exactly once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from billing import ledger

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]


def apart(work: Callable[[], Any]) -> Any:
    """In a thread, which has a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def test_of_sixteen_who_ask_at_once_only_as_many_get_credits_as_there_are(alice: Any) -> None:
    wallet = ledger.wallet_of(alice)
    ledger.grant(wallet, 7, cause="test")  # beside the three of the plan

    def hold(n: int) -> bool:
        try:
            ledger.hold(wallet, 1, cause=f"job:{n}")
            return True
        except ledger.NotEnoughCredits:
            return False

    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: apart(lambda: hold(n)), range(16)))
    assert sum(got) == 10
    assert (ledger.balance(wallet).available, ledger.balance(wallet).held) == (0, 10)
    with ThreadPoolExecutor(16) as pool:
        captured = list(
            pool.map(lambda _n: apart(lambda: ledger.settle(f"job:{got.index(True)}", captured=1)), range(16))
        )
    assert sorted(captured) == [0] * 15 + [1]
    assert ledger.check() == []
