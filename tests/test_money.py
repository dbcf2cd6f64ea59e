"""Every movement of credits happens exactly once, even with races and killed processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing import audit, ledger
from tests.plugin import Share
from tests.processes import ROOT, database_url
from tests.test_workers import trained_twin

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]


def apart(work: Callable[[], Any]) -> Any:
    """Runs `work` in a thread and closes the thread's database connection."""
    try:
        return work()
    finally:
        connection.close()


def test_of_sixteen_who_ask_at_once_only_as_many_get_credits_as_there_are(alice: Any) -> None:
    wallet = ledger.wallet_of(alice)
    ledger.grant(wallet, 7, cause="test")  # in addition to the plan's three

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
    assert audit.problems(runs=False) == []


def killed(alice: Any, twin: Any, stride: int, end: str) -> list[Any]:
    """What each round of tests/mortal.py ends with. Rounds are numbered by the statement of the kill."""
    env = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings_test"}
    told = subprocess.run(
        [sys.executable, "-m", "tests.mortal", str(alice.id), str(twin.id), str(stride), end],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    "end, status, pictures, stride", [("render", "succeeded", 2, 29), ("give_up", "cancelled", 0, 29)]
)
def test_whoever_dies_between_any_two_statements_each_end_is_charged_once(
    alice: Any, share: Share, end: str, status: str, pictures: int, stride: int
) -> None:
    """Two delivered pictures cost two credits. A begun one that is given up costs one, once the day's
    allowance is used up."""
    stride, costs = share.number(1, stride), pictures or 1
    twin, wallet = trained_twin(alice), ledger.wallet_of(alice)
    ledger.grant(wallet, 1000, cause="test")
    type(wallet).objects.filter(id=wallet.id).update(forgiven=20, forgiven_since=timezone.now())
    before = ledger.balance(wallet).available
    rounds = killed(alice, twin, stride, end)
    assert len(rounds) > 40 // stride
    for n, found in enumerate(rounds, 1):
        assert found == {
            "at": 1 + (n - 1) * stride,
            "status": status,
            "captured": costs,
            "pictures": pictures,
            "jobs": n,
            "available": before - costs * n,
            "held": 0,
            "wrong": [],
        }
