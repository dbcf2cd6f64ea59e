"""Copies invoices from Stripe, and grants the credits of paid ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, Plan, StripePrice, Subscription, Transfer
from billing.payments import months
from billing.payments.catalogue import NotUnderstood
from billing.payments.months import from_stripe
from billing.payments.refunds import take_share

Kind = Transfer.Kind


def apply(found: dict[str, Any], owner: uuid.UUID, *, erased: bool = False) -> None:
    """Record an invoice and, when it is paid, give its credits once; an `erased` owner gets none."""
    if found["status"] == "draft":
        return
    Invoice.objects.update_or_create(id=found["id"], defaults=_facts(found, owner))
    row = Invoice.objects.select_for_update(of=("self",)).get(id=found["id"])
    if row.status == "paid" and not row.months:
        worth = _worth(found)
        row.plan, row.interval, row.months = worth.plan, worth.interval, 1
        if not erased:
            _deliver(row, worth)
        row.save()


def _facts(found: dict[str, Any], owner: uuid.UUID) -> dict[str, Any]:
    facts = {
        "wallet": owner,
        "subscription": subscription_of(found),
        "number": found["number"] or "",
        "status": found["status"],
        "currency": found["currency"],
        "total": found["total"],
        "paid": found["amount_paid"],
        "tax": sum(tax["amount"] for tax in found["total_taxes"] or []),
        "created_at": from_stripe(found["created"]),
        "paid_at": from_stripe(found["status_transitions"]["paid_at"]),
    }
    payment = _payment_of(found)
    return facts | {"payment": payment} if payment else facts  # else keep the payment that Checkout named


def subscription_of(found: dict[str, Any]) -> str:
    """The id of the subscription that an invoice is for; empty for a pack."""
    return ((found["parent"] or {}).get("subscription_details") or {}).get("subscription") or ""


def _payment_of(found: dict[str, Any]) -> str:
    """The payment intent that paid an invoice; empty when it was paid in another way."""
    paid = [p["payment"] for p in (found.get("payments") or {"data": []})["data"] if p["status"] == "paid"]
    return next((p["payment_intent"] for p in paid if p.get("payment_intent")), "")


# ---------------------------------------------------------------- what the lines are worth


@dataclass
class Worth:
    """The credits of an invoice's lines: `now` credits until `until`, and `monthly` in each later month."""

    plan: Plan | None = None
    interval: str = ""
    pack: int = 0
    now: Fraction = Fraction(0)
    monthly: int = 0
    start: datetime | None = None
    end: datetime | None = None
    until: datetime | None = None


def _worth(found: dict[str, Any]) -> Worth:
    """The credits for the lines of an invoice. Raises NotUnderstood for prices that are not ours.

    A full payment gives a full month's credits. A change within a month gives the difference for its rest.
    """
    worth, priced = Worth(), list(_priced(found))
    for line, price in priced:
        if price.pack:
            worth.pack += price.pack.credits * (line["quantity"] or 1)
        elif not _gives_back(line):
            worth.plan, worth.interval = price.plan, price.interval
            worth.start, worth.end = _period(line)
    for line, price in priced:
        if price.plan:
            _add(worth, line, price.plan, _anchor(_subscription(subscription_of(found)), _period(line)[1]))
    return worth


def _priced(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], StripePrice]]:
    """Each line that has one of our prices, with this price. Lines added by hand give no credits."""
    lines = [line for line in found["lines"]["data"] if line["pricing"] and line["pricing"]["price_details"]]
    ours = StripePrice.objects.select_related("plan", "pack").in_bulk(
        [line["pricing"]["price_details"]["price"] for line in lines]
    )
    if lines and not ours:
        raise NotUnderstood(
            f"the prices of invoice {found['id']} are none of ours; run manage.py sync_stripe"
        )
    for line in lines:
        if price := ours.get(line["pricing"]["price_details"]["price"]):
            if price.currency != found["currency"]:
                raise NotUnderstood(f"currency {found['currency']} of invoice {found['id']}")
            yield line, price


def _period(line: dict[str, Any]) -> tuple[datetime, datetime]:
    return from_stripe(line["period"]["start"]), from_stripe(line["period"]["end"])


def _detail(line: dict[str, Any]) -> dict[str, Any]:
    parent = line["parent"] or {}  # a change within a period has one of the two details
    return dict(parent.get("subscription_item_details") or parent.get("invoice_item_details") or {})


def _gives_back(line: dict[str, Any]) -> bool:
    """Whether a line credits unused time. With a 100 % discount its amount is 0, so its details count too."""
    credited = (_detail(line).get("proration_details") or {}).get("credited_items")
    return line["amount"] < 0 or bool(credited)


def _add(worth: Worth, line: dict[str, Any], plan: Plan, anchor: datetime) -> None:
    start, end = _period(line)
    sign, month = (-1 if _gives_back(line) else 1), months.around(start, anchor)
    part = Fraction((month[1] - start).total_seconds()) / Fraction((month[1] - month[0]).total_seconds())
    worth.now += sign * plan.credits * (part if _detail(line).get("proration") else 1)
    if end == worth.end:  # a line that ends earlier does not change later months
        worth.monthly += sign * plan.credits
    if sign > 0:
        worth.until = month[1]


def _subscription(ident: str) -> Subscription | None:
    return Subscription.objects.filter(id=ident).first()


def _anchor(subscription: Subscription | None, end: datetime) -> datetime:
    """The anchor of the months in a period that ends at `end`: the subscription's, unless it has moved."""
    fits = subscription is not None and months.around(end, subscription.anchor)[0] == end
    return subscription.anchor if subscription and fits else end


# ---------------------------------------------------------------- credits


def _deliver(row: Invoice, worth: Worth) -> None:
    if worth.pack:
        _grant(row, worth.pack, Kind.PURCHASE, None)
    if worth.plan:
        row.month_credits, row.period_start, row.period_end = max(0, worth.monthly), worth.start, worth.end
        row.next_month = worth.until if worth.until and worth.end and worth.until < worth.end else None
        if worth.now >= 0:
            _grant(row, int(worth.now), Kind.PLAN, _expiry(worth.plan, worth.until))
        else:  # a cheaper plan at once, e.g. monthly to yearly: Stripe credits unused time, we take credits
            row.changed = int(-worth.now)
            ledger.take_back(row.wallet, row.changed, cause=f"change:{row.id}:1")


def _grant(row: Invoice, credits: int, kind: str, expires_at: datetime | None) -> None:
    if credits and (expires_at is None or expires_at > timezone.now()):
        cause = f"invoice:{row.id}:{row.months}"
        row.lot = ledger.grant(row.wallet, credits, cause=cause, kind=kind, expires_at=expires_at)
        row.credits += credits
        take_share(row)


def _expiry(plan: Plan, month_end: datetime | None) -> datetime | None:
    return months.plus(month_end, plan.lasts_months - 1) if month_end and plan.lasts_months else None


def next_months() -> int:
    """Give the credits of each month that begins in a year paid at once; returns how many months."""
    due = Invoice.objects.filter(next_month__lte=timezone.now()).order_by("next_month")
    return sum(_next_month(ident) for ident in due.values_list("id", flat=True))


@transaction.atomic
def _next_month(ident: str) -> bool:
    now = timezone.now()
    ledger.enter(Invoice.objects.get(id=ident).wallet)
    row = Invoice.objects.select_for_update(of=("self",)).select_related("plan").get(id=ident)
    if row.next_month is None or row.next_month > now or row.plan is None or row.period_end is None:
        return False
    owner = _subscription(row.subscription)
    end = months.around(row.next_month, _anchor(owner, row.period_end))[1]
    row.months += 1
    row.next_month = end if end < row.period_end and owner and not owner.ended_at else None
    if owner and owner.is_live(now):
        _grant(row, row.month_credits, Kind.PLAN, _expiry(row.plan, end))
    row.save()
    return True
