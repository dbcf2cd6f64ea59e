"""Stripe's clock. When it advances, everything that falls due happens in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import checkout, invoices, subscriptions
from .account import LIVE, Account, Obj

DRAFT_FOR = 3600  # seconds: a renewal's invoice stays a draft for about an hour


def advance(account: Account, seconds: int = 0, *, until: int | None = None) -> None:
    """Advance the clock, and run each due action at its time."""
    target = account.now + seconds if until is None else until
    while (due := _due(account)) and due[0] <= target:
        at, act, what = due
        account.now = max(account.now, at)
        act(account, what)
    account.now = max(account.now, target)


def _due(account: Account) -> tuple[int, Callable[[Account, Obj], Any], Obj] | None:
    waiting: list[tuple[int, Callable[[Account, Obj], Any], Obj]] = []
    for sub in account.all("subscription"):
        if sub["status"] in LIVE:
            end = subscriptions.period(sub)[1]
            waiting.append((min(end, sub["cancel_at"] or end), _turn, sub))
    for invoice in account.all("invoice"):
        if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
            waiting.append((invoice["automatically_finalizes_at"], invoices.collect, invoice))
        elif invoice["status"] == "open" and invoice["next_payment_attempt"]:
            waiting.append((invoice["next_payment_attempt"], invoices.attempt, invoice))
    waiting += [(s["expires_at"], checkout.over, s) for s in account.all("checkout.session", status="open")]
    return min(waiting, key=lambda w: w[0], default=None)


def _turn(account: Account, sub: Obj) -> None:
    """The end of a period: end a cancelled subscription, or begin the next period with a draft invoice."""
    if sub["cancel_at"] and sub["cancel_at"] <= account.now:
        subscriptions.end(account, sub, "cancellation_requested")
        return
    start, end = subscriptions.period(sub)
    if sub["schedule"]:
        subscriptions.next_phase(account, sub)
    item = subscriptions.item_of(sub)
    price, quantity = item["price"], item["quantity"]
    item |= {
        "current_period_start": end,
        "current_period_end": subscriptions.turn(sub["billing_cycle_anchor"], price, end),
    }
    line = invoices.line(account, price, quantity, subscriptions.period(sub), sub=sub)
    invoice = invoices.draft(account, sub["customer"], [line], "subscription_cycle", sub=sub)
    due = account.now + DRAFT_FOR
    invoice |= {
        "automatically_finalizes_at": due,
        "next_payment_attempt": due,
        "period_start": start,
        "period_end": end,
    }
    account.emit("customer.subscription.updated", sub)
    account.emit("invoice.created", invoice)
