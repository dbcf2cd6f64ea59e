"""Does the money add up? Asked by `manage.py ledger_check` of a live database, and by the tests after every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from billing.models import Invoice, LedgerAccount, Transfer
from billing.runs import paid_kinds
from config.runs import OPEN

Kind, Account = Transfer.Kind, LedgerAccount.Kind
INVOICED = (Kind.PLAN, Kind.PURCHASE, Kind.REFUND, Kind.RESTORE)
ENDS = (Kind.CAPTURE, Kind.RELEASE)


def problems(*, runs: bool = True) -> list[str]:
    """What does not add up, a sentence each. All of it is read as of one moment, whatever goes on meanwhile.

    Without `runs` a hold may be for work that is no run of ours."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [*_balances(), *_ends(), *_debts(), *_invoices(), *(_runs() if runs else ())]


def _balances() -> Iterator[str]:
    """Each balance is what its transfers add up to, and all of them together are nothing."""
    moved: dict[int, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        for ident, total in Transfer.objects.values_list(side).annotate(n=Sum("amount")).order_by():
            moved[ident] = moved.get(ident, 0) + sign * total
    for ident, kind, balance in LedgerAccount.objects.values_list("id", "kind", "balance").iterator():
        if balance != moved.get(ident, 0):
            yield f"account {ident} ({kind}) says {balance}, its transfers {moved.get(ident, 0)}"
    if total := LedgerAccount.objects.aggregate(n=Sum("balance"))["n"]:
        yield f"all accounts together hold {total}, not 0"


def _sums(**of: Any) -> dict[str, int]:
    return dict(Transfer.objects.filter(**of).values_list("cause").annotate(n=Sum("amount")).order_by())


def _ends() -> Iterator[str]:
    """What was held for a cause was captured and released as a whole, or not at all yet."""
    held = _sums(kind=Kind.HOLD)
    for cause, total in _sums(kind__in=ENDS).items():
        if total != held.get(cause, 0):
            yield f"{cause}: {total} ended of {held.get(cause, 0)} held"


def _debts() -> Iterator[str]:
    """Nobody owes credits and has some."""
    own = LedgerAccount.objects.filter(kind=Account.AVAILABLE, balance__gt=0).exclude(expires_at__lte=timezone.now())
    owing = LedgerAccount.objects.filter(kind=Account.DEBT, balance__lt=0).values("wallet")
    for wallet in own.filter(wallet__in=owing).values_list("wallet", flat=True).distinct():
        yield f"wallet {wallet} owes credits and has some"


def _invoices() -> Iterator[str]:
    """What invoices say they gave and took is what moved."""
    moved: dict[str, tuple[int, int]] = {}
    for kind, cause, amount in Transfer.objects.filter(kind__in=INVOICED).values_list("kind", "cause", "amount"):
        ident = cause.split(":")[1]
        gave, took = moved.get(ident, (0, 0))
        sign = {Kind.REFUND: 1, Kind.RESTORE: -1}.get(kind, 0)
        moved[ident] = (gave, took + sign * amount) if sign else (gave + amount, took)
    said = {ident: (given, gone) for ident, given, gone in Invoice.objects.values_list("id", "credits", "taken")}
    for ident in moved.keys() | said.keys():
        if said.get(ident, (0, 0)) != moved.get(ident, (0, 0)):
            yield f"invoice {ident} says {said.get(ident)} credits given and taken back, its transfers {moved.get(ident)}"


def _runs() -> Iterator[str]:
    """Work under way holds its price, and nothing is held for work that is over or unknown."""
    over = Transfer.objects.filter(kind__in=ENDS).values("cause")
    open_holds = dict(
        Transfer.objects.filter(kind=Kind.HOLD)
        .exclude(cause__in=over)
        .values_list("cause")
        .annotate(n=Sum("amount"))
        .order_by()
    )
    for kind in paid_kinds():
        for ident, price in kind.objects.filter(status__in=OPEN, price__gt=F("captured")).values_list("id", "price"):
            held = open_holds.pop(f"{kind.kind_name}:{ident}", 0)
            if held != price:
                yield f"{kind.kind_name}:{ident} is under way for {price} credits and holds {held}"
    yield from (f"{cause} holds {n} credits, but nothing is under way" for cause, n in open_holds.items())
