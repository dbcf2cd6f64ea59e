"""Compares Stripe with our tables, applies the changes of lost events, and reports the differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from billing import ledger
from billing.models import Invoice, Subscription, Wallet
from billing.payments import sync


def everybody(*, email: str | None = None, dry_run: bool = False) -> Iterator[str]:
    """A sentence for each difference. Raises what the gateway raises."""
    wallets = Wallet.objects.exclude(stripe_customer=None).select_related("user").order_by("id")
    for wallet in wallets.filter(user__email=email) if email else wallets:
        yield from _one(wallet, dry_run)


def _one(wallet: Wallet, dry_run: bool) -> Iterator[str]:
    """Reconciles one wallet in one transaction, which a dry run rolls back."""
    with transaction.atomic():
        before = _state(wallet)
        sync.sync_everything(str(wallet.stripe_customer))
        after = _state(wallet)
        if dry_run:
            transaction.set_rollback(True)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"{wallet}: {name} {before.get(name, 'missing')} -> {after.get(name, 'missing')}"


def _state(wallet: Wallet) -> dict[str, Any]:
    now = ledger.balance(wallet)
    plan = Wallet.objects.values_list("plan", flat=True).get(id=wallet.id)
    told = {"plan": plan, "credits": (now.available, now.held, now.owed)}
    for row in Subscription.objects.filter(wallet=wallet.id):
        told[f"subscription {row.id}"] = (
            row.plan_id,
            row.status,
            row.period_end.isoformat(),
            row.ends_at and row.ends_at.isoformat(),
        )
    for bill in Invoice.objects.filter(wallet=wallet.id):
        told[f"invoice {bill.id}"] = (
            bill.status,
            bill.total,
            bill.refunded,
            bill.disputed,
            bill.credits,
            bill.taken,
        )
    return told
