"""The audit finds each kind of error. The tests make the errors by SQL, past the ledger."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from billing import audit, ledger
from billing.models import Invoice, LedgerAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet(alice: Any) -> Any:
    return ledger.wallet_of(alice)


def bend(statement: str, *params: Any) -> None:
    """Write to the ledger's tables with their triggers disabled, which only a test does."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("billing_transfer", "billing_ledgeraccount"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, params)
        for table in ("billing_transfer", "billing_ledgeraccount"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def found(word: str, *, runs: bool = False) -> bool:
    return any(word in sentence for sentence in audit.problems(runs=runs))


def test_the_audit_finds_a_balance_that_differs_from_its_transfers(wallet: Any) -> None:
    bend("UPDATE billing_ledgeraccount SET balance = balance + 1 WHERE wallet = %s", wallet.id)
    assert found("(available) says 4, its transfers 3")
    assert found("all accounts together hold 1, not 0")
    with pytest.raises(CommandError, match="2 things do not add up"):
        call_command("ledger_check", stderr=io.StringIO())


def test_the_audit_finds_a_hold_that_was_ended_in_part(wallet: Any) -> None:
    ledger.hold(wallet, 3, cause="job:1")
    ledger.settle("job:1", captured=1)
    bend("DELETE FROM billing_transfer WHERE kind = 'release'")
    assert found("job:1: 1 ended of 3 held")


def test_the_audit_finds_a_capture_without_a_hold(wallet: Any) -> None:
    ledger.hold(wallet, 3, cause="job:1")
    ledger.settle("job:1", captured=3)
    bend("DELETE FROM billing_transfer WHERE kind = 'hold'")
    assert found("job:1: 3 ended of 0 held")


def test_the_audit_finds_a_debt_beside_credits(wallet: Any) -> None:
    LedgerAccount.objects.create(wallet=wallet.id, kind="debt", lot=wallet.id)
    bend("UPDATE billing_ledgeraccount SET balance = -5 WHERE kind = 'debt'")
    assert found("owes credits and has some")


def test_the_audit_finds_an_invoice_that_differs_from_its_transfers(wallet: Any) -> None:
    ledger.grant(wallet, 50, cause="invoice:in_1:1", kind="purchase")
    assert found("invoice in_1 says None credits given")
    Invoice.objects.create(
        id="in_1",
        wallet=wallet.id,
        status="paid",
        currency="usd",
        total=1,
        credits=50,
        created_at=timezone.now(),
    )
    assert audit.problems(runs=False) == []
    Invoice.objects.update(taken=7)
    assert found("invoice in_1 says 50 credits given and 7 taken back, its transfers 50 and 0")


def test_the_audit_finds_a_hold_without_a_run_and_a_run_without_a_hold(
    wallet: Any, trained: Any, wake_ups: list[Any]
) -> None:
    from generation.services import request_images

    job = request_images(trained.user, twin=trained, prompt="in a park")
    assert audit.problems() == []
    ledger.settle(job.cause, captured=0)
    assert found("is under way for 1 credits and holds 0", runs=True)
    ledger.hold(wallet, 1, cause="image:nothing")
    assert found("image:nothing holds 1 credits, but nothing is under way", runs=True)
