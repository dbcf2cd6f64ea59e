"""Copies subscriptions from Stripe, and sets the wallet's plan accordingly."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models import Plan, Subscription, Wallet
from billing.payments import emails
from billing.payments.catalogue import price_of
from billing.payments.months import from_stripe


def apply(found: dict[str, Any], owner: uuid.UUID) -> None:
    item = found["items"]["data"][0]
    price = price_of(item["price"]["id"])
    ends = found["cancel_at"] or (item["current_period_end"] if found["cancel_at_period_end"] else None)
    facts = {
        "wallet": owner,
        "plan": price.plan,
        "next_plan": _next_plan(found),
        "interval": price.interval,
        "cents": item["price"]["unit_amount"],
        "status": found["status"],
        "anchor": from_stripe(found["billing_cycle_anchor"]),
        "period_start": from_stripe(item["current_period_start"]),
        "period_end": from_stripe(item["current_period_end"]),
        "ends_at": from_stripe(ends),
        "past_due_since": _past_due_since(found),
        "created_at": from_stripe(found["created"]),
        "ended_at": from_stripe(found["ended_at"]),
    }
    Subscription.objects.update_or_create(id=found["id"], defaults=facts)


def _next_plan(found: dict[str, Any]) -> Plan | None:
    """The plan of the first scheduled phase that begins after the current period."""
    schedule = found["schedule"]
    if not isinstance(schedule, dict) or schedule["status"] not in ("active", "not_started"):
        return None
    period_end = found["items"]["data"][0]["current_period_end"]
    coming = [phase for phase in schedule["phases"] if phase["start_date"] >= period_end]
    return price_of(coming[0]["items"][0]["price"]).plan if coming else None


def _past_due_since(found: dict[str, Any]) -> datetime | None:
    """When the unpaid invoice was finalized. This time is the same at every fetch."""
    unpaid = found["latest_invoice"]
    if found["status"] != "past_due" or not unpaid:
        return None
    since: datetime = from_stripe(unpaid["status_transitions"]["finalized_at"] or unpaid["created"])
    return since


@transaction.atomic
def set_plan(wallet: Wallet) -> None:
    """Set the best plan that is paid for, else Free. Nothing else changes a wallet's plan."""
    now = timezone.now()
    wallet = Wallet.objects.select_for_update(of=("self",)).select_related("plan").get(id=wallet.id)
    rows = Subscription.objects.filter(wallet=wallet.id).select_related("plan")
    live = [row.plan for row in rows if row.is_live(now)]
    plan = max(live, key=lambda p: p.order, default=None) or Plan.objects.get(code="free")
    if plan == wallet.plan:
        return
    Wallet.objects.filter(id=wallet.id).update(plan=plan, plan_since=now)
    if not live:
        emails.plan_ended(wallet)


def end_all(wallet: Wallet) -> None:
    """Record that all of a wallet's subscriptions ended now."""
    open_ = Subscription.objects.filter(wallet=wallet.id, ended_at=None)
    open_.update(status="canceled", ended_at=timezone.now())


def live_subscription(wallet: Wallet) -> Subscription | None:
    """The wallet's subscription with the highest plan among those that have not ended."""
    found = Subscription.objects.filter(wallet=wallet.id, ended_at=None).select_related("plan", "next_plan")
    open_ = [s for s in found if s.status in ("active", "past_due", "unpaid")]
    return max(open_, key=lambda s: (s.plan.order, s.created_at), default=None)
