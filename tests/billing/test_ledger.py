"""Credits are granted, held, spent, released and expired in exact amounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from billing import audit, ledger
from billing.models import LedgerAccount, Transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet(alice: Any) -> Any:
    return ledger.wallet_of(alice)


def test_the_free_plan_gives_three_credits_once(alice: Any, wallet: Any) -> None:
    assert ledger.balance(ledger.wallet_of(alice)).available == 3
    assert ledger.balance(wallet).available == 3


def test_a_hold_sets_aside_and_a_capture_spends(wallet: Any) -> None:
    ledger.hold(wallet, 2, cause="job:1")
    assert (ledger.balance(wallet).available, ledger.balance(wallet).held) == (1, 2)
    assert ledger.settle("job:1", captured=1) == 1
    assert (ledger.balance(wallet).available, ledger.balance(wallet).held) == (2, 0)
    assert audit.problems(runs=False) == []


def test_a_hold_of_more_than_is_available_moves_nothing(wallet: Any) -> None:
    with pytest.raises(ledger.NotEnoughCredits) as e:
        ledger.hold(wallet, 4, cause="job:1")
    assert e.value.extra == {"price": 4, "available": 3}
    assert ledger.balance(wallet).available == 3


def test_the_same_cause_holds_and_settles_once(wallet: Any) -> None:
    for _ in range(2):
        ledger.hold(wallet, 2, cause="job:1")
    assert ledger.balance(wallet).held == 2
    assert [ledger.settle("job:1", captured=2), ledger.settle("job:1", captured=2)] == [2, 0]
    assert ledger.balance(wallet).available == 1


def test_no_more_than_was_held_is_captured(wallet: Any) -> None:
    ledger.hold(wallet, 2, cause="job:1")
    with pytest.raises(ValueError, match="cannot be captured"):
        ledger.settle("job:1", captured=3)
    assert ledger.balance(wallet).held == 2


def test_credits_that_expire_first_are_spent_first_and_return_to_their_lot(wallet: Any) -> None:
    soon, later = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=30)
    ledger.grant(wallet, 5, cause="pack:later", expires_at=later)
    ledger.grant(wallet, 5, cause="pack:soon", expires_at=soon)
    ledger.hold(wallet, 7, cause="job:1")
    assert ledger.balance(wallet).expires == ((later, 3),)
    ledger.settle("job:1", captured=1)
    assert ledger.balance(wallet).expires == ((soon, 4), (later, 5))
    assert audit.problems(runs=False) == []


def test_expired_credits_cannot_be_held(wallet: Any) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ledger.grant(wallet, 5, cause="pack:1", expires_at=past)
    with pytest.raises(ledger.NotEnoughCredits):
        ledger.hold(wallet, 4, cause="job:1")
    assert ledger.expire() == 5
    assert ledger.expire() == 0
    assert ledger.balance(wallet).available == 3
    assert audit.problems(runs=False) == []


def test_credits_held_when_their_lot_expires_come_back_and_expire_then(wallet: Any) -> None:
    when = timezone.now() + timedelta(hours=1)
    ledger.grant(wallet, 5, cause="pack:1", expires_at=when)
    ledger.hold(wallet, 5, cause="job:1")
    assert ledger.expire(when) == 0
    ledger.settle("job:1", captured=0)
    assert ledger.expire(when) == 5
    assert audit.problems(runs=False) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_transfer SET amount = 1",
        "DELETE FROM billing_transfer",
        "TRUNCATE billing_transfer CASCADE",
        "UPDATE billing_ledgeraccount SET balance = 1000 WHERE kind = 'available'",
        "DELETE FROM billing_ledgeraccount",
        "INSERT INTO billing_ledgeraccount (kind, balance) VALUES ('issued', 7)",
    ],
)
def test_the_database_refuses_changes_past_the_ledger(wallet: Any, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert audit.problems(runs=False) == []


def test_the_database_refuses_a_balance_below_zero(wallet: Any) -> None:
    lot = LedgerAccount.objects.get(wallet=wallet.id, kind="available")
    held = LedgerAccount.objects.create(wallet=wallet.id, kind="held", lot=lot.lot)
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.create(
            debit=lot, credit=held, amount=4, kind="hold", cause="x", lot=lot.lot, wallet=wallet.id
        )


def test_the_ledger_of_an_erased_user_names_nobody(alice: Any, wallet: Any) -> None:
    ledger.hold(wallet, 2, cause="job:1")
    alice.delete()
    assert ledger.settle("job:1", captured=2) == 2
    assert Transfer.objects.filter(wallet=wallet.id).count() == 3
    assert audit.problems(runs=False) == []
