"""Subscriptions of one price in flexible billing mode, the API's default: start, end, scheduled changes.

Trials, pauses and subscriptions of several prices are not modelled.
"""

from __future__ import annotations

import calendar
from copy import deepcopy
from datetime import UTC, datetime

from .account import LIVE, Account, Obj, embedded, missing, only

MONTHS = {"month": 1, "year": 12}


NEW_SUBSCRIPTION: Obj = {
    "automatic_tax": {"enabled": False},
    "billing_mode": {"type": "flexible"},
    "billing_schedules": [],
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"reason": None},
    "collection_method": "charge_automatically",
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"issuer": {"type": "self"}},
    "latest_invoice": None,
    "schedule": None,
    "status": "incomplete",
}


def new(account: Account, customer: str, price: Obj, quantity: int, metadata: Obj) -> Obj:
    """A new subscription, incomplete until its first invoice is paid. The caller emits its event."""
    id, now = account.new_id("sub"), account.now
    facts = {
        "billing_cycle_anchor": now,
        "currency": price["currency"],
        "customer": customer,
        "items": embedded(f"/v1/subscription_items?subscription={id}", [_item(account, id, price, quantity)]),
        "metadata": metadata,
        "start_date": now,
    }
    return account.put("subscription", deepcopy(NEW_SUBSCRIPTION) | facts, id=id)


def _item(account: Account, sub: str, price: Obj, quantity: int) -> Obj:
    now = account.now
    return {
        "id": account.new_id("si"),
        "object": "subscription_item",
        "created": now,
        "current_period_start": now,
        "current_period_end": turn(now, price, now),
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": price,
        "quantity": quantity,
        "subscription": sub,
    }


def plan(price: Obj) -> Obj:
    """The `plan` of a subscription item: the older form of a recurring price."""
    same = {k: price[k] for k in ("id", "active", "billing_scheme", "created", "currency", "livemode")}
    return {**same, "object": "plan", **price["recurring"]}


def item_of(sub: Obj) -> Obj:
    return sub["items"]["data"][0]


def period(sub: Obj) -> tuple[int, int]:
    return item_of(sub)["current_period_start"], item_of(sub)["current_period_end"]


def months(price: Obj) -> int:
    return MONTHS[price["recurring"]["interval"]]


def turn(anchor: int, price: Obj, moment: int) -> int:
    """The start of the next period after `moment`: whole intervals after the anchor, clamped to the month."""
    start, n = datetime.fromtimestamp(anchor, UTC), 0
    while True:
        n += months(price)
        year, month = divmod(start.year * 12 + start.month - 1 + n, 12)
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        found = int(start.replace(year=year, month=month + 1, day=day).timestamp())
        if found > moment:
            return found


def of_invoice(account: Account, invoice: Obj) -> Obj | None:
    """The subscription that an invoice is for."""
    return invoice["parent"] and account.objects[invoice["parent"]["subscription_details"]["subscription"]]


def list_all(account: Account, form: Obj) -> Obj:
    """A list of subscriptions; without a status, only those that have not ended."""
    form = dict(form)
    if (status := form.pop("status", None)) not in (None, "all"):
        raise NotImplementedError(f"a list of subscriptions that are {status}")
    rows = [s for s in account.all("subscription") if status == "all" or s["status"] != "canceled"]
    return account.listed("subscription", form, rows)


# ---------------------------------------------------------------- ends


def cancel(account: Account, form: Obj, id: str) -> Obj:
    """Cancels by the API: at once, without a last invoice or a refund."""
    only(form)
    return end(account, not_ended(account, id), "cancellation_requested")


def cancel_now(account: Account, id: str) -> Obj:
    """Cancels in the dashboard, at once."""
    return end(account, live(account, id), "cancellation_requested")


def cancel_at_period_end(account: Account, id: str, yes: bool = True) -> Obj:
    """Cancels in the portal, which in flexible billing mode sets `cancel_at`, not `cancel_at_period_end`."""
    sub = live(account, id)
    if sub["schedule"]:
        release(account, sub)
    return cancel_later(account, sub, yes, flag=False)


def cancel_later(account: Account, sub: Obj, yes: bool, *, flag: bool) -> Obj:
    sub["cancellation_details"]["reason"] = "cancellation_requested" if yes else None
    fields = {"cancel_at": period(sub)[1] if yes else None, "canceled_at": account.now if yes else None}
    return account.update("customer.subscription.updated", sub, **fields, cancel_at_period_end=flag)


def end(account: Account, sub: Obj, reason: str) -> Obj:
    """Ends a subscription. Its unpaid invoices stay open and are not collected automatically any more."""
    if sub["schedule"]:
        account.update(
            "subscription_schedule.canceled",
            account.objects[sub["schedule"]],
            status="canceled",
            current_phase=None,
        )
    for invoice in account.all("invoice"):
        if of_invoice(account, invoice) is sub and invoice["status"] in ("draft", "open"):
            invoice |= {"next_payment_attempt": None, "automatically_finalizes_at": None}
    sub["cancellation_details"]["reason"] = sub["cancellation_details"]["reason"] or reason
    sub |= {
        "status": "canceled",
        "ended_at": account.now,
        "canceled_at": sub["canceled_at"] or account.now,
        "schedule": None,
    }
    account.emit("customer.subscription.deleted", sub)
    return sub


def live(account: Account, id: str) -> Obj:
    """The subscription for a user's action, which must be live."""
    if (sub := account.objects[id])["status"] not in LIVE:
        raise ValueError(f"This subscription is {sub['status']}.")
    return sub


def not_ended(account: Account, id: str) -> Obj:
    """The subscription for a request to the API, which must not have ended."""
    if (sub := account.get("subscription", id))["status"] == "canceled":
        raise missing("subscription", id, "id")
    return sub


# ---------------------------------------------------------------- scheduled changes of the price


def plan_price(account: Account, sub: Obj, price: Obj) -> None:
    """A schedule of two phases: the current price, then one period of the new one, then the schedule ends."""
    start, end = period(sub)
    phases = [_phase(item_of(sub)["price"], start, end), _phase(price, end, turn(end, price, end))]
    schedule = account.put(
        "subscription_schedule",
        {
            "billing_mode": {"type": "flexible"},
            "current_phase": {"start_date": start, "end_date": end},
            "customer": sub["customer"],
            "default_settings": {
                "billing_cycle_anchor": "automatic",
                "invoice_settings": {"issuer": {"type": "self"}},
            },
            "end_behavior": "release",
            "pause_schedules": [],
            "phases": phases[:1],
            "status": "active",
            "subscription": sub["id"],
        },
    )
    account.emit("subscription_schedule.created", schedule)
    account.update("subscription_schedule.updated", schedule, phases=phases)
    account.update("customer.subscription.updated", sub, schedule=schedule["id"])


def _phase(price: Obj, start: int, end: int) -> Obj:
    item = {"discounts": [], "plan": price["id"], "price": price["id"]}
    return {
        "add_invoice_items": [],
        "currency": price["currency"],
        "discounts": [],
        "end_date": end,
        "items": [item],
        "proration_behavior": "none",
        "start_date": start,
    }


def release(account: Account, sub: Obj) -> None:
    """Removes the schedule; the subscription goes on unchanged."""
    schedule = account.objects[sub["schedule"]]
    account.update(
        "subscription_schedule.released", schedule, status="released", subscription=None, current_phase=None
    )
    account.update("customer.subscription.updated", sub, schedule=None)


def next_phase(account: Account, sub: Obj) -> None:
    """At the end of a period: begin the scheduled price, or end the schedule after its last phase."""
    schedule = account.objects[sub["schedule"]]
    planned = schedule["phases"][-1]
    if account.now >= planned["end_date"]:
        release(account, sub)
        return
    price = account.objects[planned["items"][0]["price"]]
    if months(price) != months(item_of(sub)["price"]):
        sub["billing_cycle_anchor"] = account.now
    sub["items"]["data"][0] |= {"price": price, "plan": plan(price)}
    span = {"start_date": planned["start_date"], "end_date": planned["end_date"]}
    account.update("subscription_schedule.updated", schedule, current_phase=span)
