"""A person's plan, credits, invoices and subscriptions as files for the archive of all their data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from billing import ledger
from billing.models import Invoice, LedgerAccount, Subscription, Transfer, Wallet


def files_of(user: Any) -> Iterator[tuple[str, Iterable[bytes]]]:
    """(path in the archive, its bytes): JSON lines, oldest first; nothing for a user without a wallet."""
    wallet = Wallet.objects.filter(user=user).first()
    if wallet is None:
        return
    yield "billing/wallet.json", [_line(_wallet(wallet))]
    yield "billing/credits.jsonl", _movements(wallet)
    yield "billing/invoices.jsonl", _rows(Invoice.objects.filter(wallet=wallet.id))
    yield "billing/subscriptions.jsonl", _rows(Subscription.objects.filter(wallet=wallet.id))


def _wallet(wallet: Wallet) -> dict[str, Any]:
    now = ledger.balance(wallet)
    return {
        "id": wallet.id,
        "plan": wallet.plan_id,
        "plan_since": wallet.plan_since,
        "stripe_customer": wallet.stripe_customer,
        "free_trainings_taken": wallet.free_trainings,
        "credits": {"available": now.available, "held": now.held, "owed": now.owed},
        "expires": [{"at": at, "credits": credits} for at, credits in now.expires],
    }


def _movements(wallet: Wallet) -> Iterator[bytes]:
    """Every transfer; `change` is what it does to the credits that can be spent."""
    rows = Transfer.objects.filter(wallet=wallet.id).select_related("debit", "credit").order_by("id")
    spendable = LedgerAccount.Kind.AVAILABLE
    for row in rows.iterator():
        change = row.amount * ((row.credit.kind == spendable) - (row.debit.kind == spendable))
        facts = {name: getattr(row, name) for name in ("id", "kind", "amount", "cause", "lot", "expires_at")}
        yield _line({"at": row.created_at, "change": change, **facts})


def _rows(rows: QuerySet[Any]) -> Iterator[bytes]:
    """All columns of each row."""
    return map(_line, rows.order_by("created_at", "id").values().iterator())


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n"
