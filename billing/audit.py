"""Checks that the money adds up. `manage.py ledger_check` checks a live database, tests check every step.

Each check is one SQL statement that returns the wrong rows, so the database does the adding up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from billing.models import Transfer
from billing.runs import paid_kinds
from config.runs.models import OPEN

# Each balance is the sum of its transfers.
BALANCES = """
SELECT a.id, a.kind, a.balance, coalesce(m.moved, 0) FROM billing_ledgeraccount a
LEFT JOIN (SELECT account, sum(amount) AS moved FROM (
        SELECT credit_id AS account, amount FROM billing_transfer
        UNION ALL SELECT debit_id, -amount FROM billing_transfer) AS both_sides
    GROUP BY account) AS m ON m.account = a.id
WHERE a.balance <> coalesce(m.moved, 0)"""
TOTAL = "SELECT sum(balance) FROM billing_ledgeraccount HAVING sum(balance) <> 0"
# For each cause, captures and releases together equal the hold, or there are none yet.
ENDS = """
SELECT cause, coalesce(sum(amount) FILTER (WHERE kind = 'hold'), 0),
    sum(amount) FILTER (WHERE kind <> 'hold') FROM billing_transfer
WHERE kind IN ('hold', 'capture', 'release') GROUP BY cause
HAVING sum(amount) FILTER (WHERE kind <> 'hold') <> coalesce(sum(amount) FILTER (WHERE kind = 'hold'), 0)"""
# A wallet with a debt has no credits available.
DEBTS = """
SELECT DISTINCT own.wallet FROM billing_ledgeraccount own
JOIN billing_ledgeraccount debt ON debt.wallet = own.wallet AND debt.kind = 'debt'
WHERE own.kind = 'available' AND own.balance > 0 AND debt.balance < 0
    AND (own.expires_at IS NULL OR own.expires_at > %s)"""
# The credits that an invoice says it gave and took equal its transfers.
INVOICES = """
SELECT coalesce(i.id, m.id), i.credits, i.taken + i.changed, m.given, m.taken FROM billing_invoice i
FULL JOIN (SELECT split_part(cause, ':', 2) AS id,
    sum(amount) FILTER (WHERE kind IN ('plan', 'purchase')) AS given,
    sum(CASE kind WHEN 'refund' THEN amount WHEN 'restore' THEN -amount ELSE 0 END) AS taken
    FROM billing_transfer WHERE kind IN ('plan', 'purchase', 'refund', 'restore') GROUP BY 1
) AS m ON m.id = i.id
WHERE (coalesce(i.credits, 0), coalesce(i.taken + i.changed, 0))
    <> (coalesce(m.given, 0), coalesce(m.taken, 0))"""


def problems(*, runs: bool = True) -> list[str]:
    """A sentence for each error. All checks read one snapshot of the database.

    `runs=False` skips the check that every hold belongs to a run.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [*_sums(), *(_runs() if runs else ())]


def _sums() -> Iterator[str]:
    for ident, kind, balance, moved in _rows(BALANCES):
        yield f"account {ident} ({kind}) says {balance}, its transfers {moved}"
    for (total,) in _rows(TOTAL):
        yield f"all accounts together hold {total}, not 0"
    for cause, held, ended in _rows(ENDS):
        yield f"{cause}: {ended} ended of {held} held"
    for (wallet,) in _rows(DEBTS, timezone.now()):
        yield f"wallet {wallet} owes credits and has some"
    for ident, credits, taken, given, gone in _rows(INVOICES):
        said, moved = f"{credits} credits given and {taken} taken back", f"{given} and {gone}"
        yield f"invoice {ident} says {said}, its transfers {moved}"


def _rows(statement: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _runs() -> Iterator[str]:
    """Checks that each open run holds its price, and that nothing is held for ended or unknown runs."""
    over = Transfer.objects.filter(kind__in=(Transfer.Kind.CAPTURE, Transfer.Kind.RELEASE)).values("cause")
    held = Transfer.objects.filter(kind=Transfer.Kind.HOLD).exclude(cause__in=over)
    open_holds = dict(held.values_list("cause").annotate(n=Sum("amount")).order_by())
    for kind in paid_kinds():
        for run in kind.objects.filter(status__in=OPEN, price__gt=F("captured")).iterator():
            held = open_holds.pop(run.cause, 0)
            if held != run.price:
                yield f"{run.cause} is under way for {run.price} credits and holds {held}"
    yield from (f"{cause} holds {n} credits, but nothing is under way" for cause, n in open_holds.items())
