"""What is at Stripe, brought over here. Stripe's object is the truth and an event only a bell: whatever rang, in whatever order
and however often, the object is fetched as it is now and applied, and applying it twice changes nothing the second time.

Each function runs in one transaction, which waits for others that bring the same object; nobody's credits are locked meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing import gateway, ledger, letters, months
from billing.models import Invoice, Plan, StripePrice, Subscription, Transfer, Wallet

Kind = Transfer.Kind


class NotUnderstood(Exception):
    """Something at Stripe that we did not put there: an unknown price or currency. It is kept, and staff look at it."""


# ---------------------------------------------------------------- subscriptions


@transaction.atomic
def subscription(ident: str) -> bool:
    """False when it is nobody's here. Raises NotUnderstood."""
    _alone(ident)
    options: Any = {"expand": ["latest_invoice", "schedule"]}
    return apply_subscription(gateway.call(lambda v1: v1.subscriptions.retrieve(ident, options)))


def apply_subscription(found: dict[str, Any]) -> bool:
    wallet = Wallet.objects.filter(stripe_customer=found["customer"]).first()
    if wallet is None:
        return False
    item = found["items"]["data"][0]
    price = _price(item["price"]["id"])
    ends = found["cancel_at"] or (item["current_period_end"] if found["cancel_at_period_end"] else None)
    facts = {
        "wallet": wallet.id, "plan": price.plan, "next_plan": _next_plan(found), "interval": price.interval, "cents": item["price"]["unit_amount"], "status": found["status"],
        "anchor": _at(found["billing_cycle_anchor"]), "period_start": _at(item["current_period_start"]), "period_end": _at(item["current_period_end"]),
        "ends_at": _at(ends), "past_due_since": _past_due_since(found), "created_at": _at(found["created"]), "ended_at": _at(found["ended_at"]),
    }  # fmt: skip
    Subscription.objects.update_or_create(id=found["id"], defaults=facts)
    set_plan(wallet)
    return True


def _next_plan(found: dict[str, Any]) -> Plan | None:
    schedule = found["schedule"]
    phases = (
        schedule["phases"] if isinstance(schedule, dict) and schedule["status"] in ("active", "not_started") else []
    )
    coming = [phase for phase in phases if phase["start_date"] >= found["items"]["data"][0]["current_period_end"]]
    return _price(coming[0]["items"][0]["price"]).plan if coming else None


def _past_due_since(found: dict[str, Any]) -> datetime | None:
    """Since the invoice that was not paid became final: the same whenever it is asked."""
    unpaid = found["latest_invoice"]
    if found["status"] != "past_due" or not unpaid:
        return None
    return _at(unpaid["status_transitions"]["finalized_at"] or unpaid["created"])


@transaction.atomic
def set_plan(wallet: Wallet) -> None:
    """The best plan of what is paid, else Free. The only place where somebody's plan changes."""
    now = timezone.now()
    wallet = Wallet.objects.select_for_update(of=("self",)).select_related("plan").get(id=wallet.id)
    live = [s.plan for s in Subscription.objects.filter(wallet=wallet.id).select_related("plan") if s.is_live(now)]
    plan = max(live, key=lambda p: p.order, default=None) or Plan.objects.get(code="free")
    if plan == wallet.plan:
        return
    Wallet.objects.filter(id=wallet.id).update(plan=plan, plan_since=now)
    if not live:
        letters.plan_ended(wallet)


def lapse() -> int:
    """End what was not paid within the days of grace, here and at Stripe; how many."""
    late = [s for s in Subscription.objects.filter(status="past_due") if not s.is_live(timezone.now())]
    for each in late:
        if wallet := Wallet.objects.filter(id=each.wallet).first():
            set_plan(wallet)
        gateway.call(lambda v1, each=each: v1.subscriptions.cancel(each.id))
        subscription(each.id)
    return len(late)


# ---------------------------------------------------------------- invoices: what gives credits


@dataclass
class Worth:
    """What an invoice's lines give: credits now until `until`, and `monthly` more with each month of its period after that."""

    plan: Plan | None = None
    interval: str = ""
    pack: int = 0
    now: Fraction = Fraction(0)
    monthly: int = 0
    start: datetime | None = None
    end: datetime | None = None
    until: datetime | None = None


@transaction.atomic
def invoice(ident: str) -> Invoice | None:
    """None when it is nobody's here. Raises NotUnderstood."""
    _alone(ident)
    options: Any = {"expand": ["payments"]}
    return apply_invoice(gateway.call(lambda v1: v1.invoices.retrieve(ident, options)))


def apply_invoice(found: dict[str, Any]) -> Invoice | None:
    wallet = Wallet.objects.filter(stripe_customer=found["customer"]).first()
    if wallet is None or found["status"] == "draft":
        return None
    owner = ((found["parent"] or {}).get("subscription_details") or {}).get("subscription") or ""
    facts = {
        "wallet": wallet.id, "subscription": owner, "number": found["number"] or "", "status": found["status"], "currency": found["currency"],
        "total": found["total"], "tax": sum(tax["amount"] for tax in found["total_taxes"] or []), "payment": _payment_of(found),
        "created_at": _at(found["created"]), "paid_at": _at(found["status_transitions"]["paid_at"]),
    }  # fmt: skip
    Invoice.objects.update_or_create(id=found["id"], defaults=facts)
    row = Invoice.objects.select_for_update(of=("self",)).get(id=found["id"])
    if row.status == "paid" and not row.months:
        _deliver(row, _worth(found, owner))
    return row


def _payment_of(found: dict[str, Any]) -> str:
    paid = [
        p["payment"]["payment_intent"] for p in (found.get("payments") or {"data": []})["data"] if p["status"] == "paid"
    ]
    return next((p for p in paid if p), "")


def _worth(found: dict[str, Any], owner: str) -> Worth:
    """Credits follow the money: a whole month for a whole payment, and of a change within a month the difference for the part
    of it that is left."""
    worth = Worth()
    lines = [line for line in _lines(found) if line["pricing"] and line["pricing"]["price_details"]]
    if not lines:
        return worth
    if found["currency"] != settings.CURRENCY:
        raise NotUnderstood(f"currency {found['currency']} of invoice {found['id']}")
    priced = [(line, _price(line["pricing"]["price_details"]["price"])) for line in lines]
    for line, price in priced:
        if price.pack:
            worth.pack += price.pack.credits * (line["quantity"] or 1)
        elif line["amount"] >= 0:
            worth.plan, worth.interval = price.plan, price.interval
            worth.start, worth.end = _at(line["period"]["start"]), _at(line["period"]["end"])
    for line, price in priced:
        if price.plan:
            _add(worth, line, price.plan, _anchor(owner, _at(line["period"]["end"])))
    return worth


def _add(worth: Worth, line: dict[str, Any], plan: Plan, anchor: datetime) -> None:
    start, end = _at(line["period"]["start"]), _at(line["period"]["end"])
    sign, month = (1 if line["amount"] >= 0 else -1), months.around(start, anchor)
    parent = line["parent"] or {}  # a change within a period is of either kind
    detail = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    part = Fraction((month[1] - start).total_seconds()) / Fraction((month[1] - month[0]).total_seconds())
    worth.now += sign * plan.credits * (part if detail.get("proration") else 1)
    if end == worth.end:  # what ends before is not taken off the months that follow
        worth.monthly += sign * plan.credits
    if sign > 0:
        worth.until = month[1]


def _anchor(owner: str, end: datetime) -> datetime:
    """From where the months of a period that ends at `end` are counted: the subscription's anchor, unless it was moved since."""
    row = Subscription.objects.filter(id=owner).first()
    if row is None and owner and subscription(owner):
        row = Subscription.objects.get(id=owner)
    return row.anchor if row and months.around(end, row.anchor)[0] == end else end


def _lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    if not found["lines"]["has_more"]:
        return list(found["lines"]["data"])
    return gateway.pages(lambda v1, params: v1.invoices.line_items.list(found["id"], params))


def _deliver(row: Invoice, worth: Worth) -> None:
    row.plan, row.interval, row.months = worth.plan, worth.interval, 1
    if worth.pack:
        _grant(row, worth.pack, Kind.PURCHASE, None)
    if worth.plan:
        row.month_credits, row.period_start, row.period_end = max(0, worth.monthly), worth.start, worth.end
        row.next_month = worth.until if worth.until and worth.end and worth.until < worth.end else None
        _grant(row, max(0, int(worth.now)), Kind.PLAN, _expiry(worth.plan, worth.until))
    row.save()


def _grant(row: Invoice, credits: int, kind: str, expires_at: datetime | None) -> None:
    if credits and (expires_at is None or expires_at > timezone.now()):
        cause = f"invoice:{row.id}:{row.months}"
        row.lot = ledger.grant(row.wallet, credits, cause=cause, kind=kind, expires_at=expires_at)
        row.credits += credits
        _take_share(row)


def _expiry(plan: Plan, month_end: datetime | None) -> datetime | None:
    return months.plus(month_end, plan.lasts_months - 1) if month_end and plan.lasts_months else None


def next_months() -> int:
    """The credits of each month of a year that was paid at once, when it begins; how many months."""
    due = Invoice.objects.filter(next_month__lte=timezone.now()).order_by("next_month").values_list("id", flat=True)
    return sum(_next_month(ident) for ident in due)


@transaction.atomic
def _next_month(ident: str) -> bool:
    now = timezone.now()
    row = Invoice.objects.select_for_update(of=("self",)).select_related("plan").get(id=ident)
    owner = Subscription.objects.filter(id=row.subscription).first()
    if row.next_month is None or row.next_month > now or row.plan is None or row.period_end is None:
        return False
    start = row.next_month
    anchor = (
        owner.anchor if owner and months.around(row.period_end, owner.anchor)[0] == row.period_end else row.period_end
    )
    end = months.around(start, anchor)[1]
    row.months += 1
    row.next_month = end if end < row.period_end and owner and not owner.ended_at else None
    if owner and owner.is_live(now):
        _grant(row, row.month_credits, Kind.PLAN, _expiry(row.plan, end))
    row.save()
    return True


# ---------------------------------------------------------------- payments: what takes credits back


@transaction.atomic
def payment(ident: str) -> bool:
    """Refunds and disputes of a payment intent; False when it paid for nothing of ours."""
    _alone(ident)
    row = Invoice.objects.filter(payment=ident).first()
    if row is None:
        options: Any = {"payment": {"type": "payment_intent", "payment_intent": ident}}
        found = gateway.call(lambda v1: v1.invoice_payments.list(options))["data"]
        row = invoice(found[0]["invoice"]) if found else None
    if row is None:
        return False
    of_it: Any = {"payment_intent": ident}
    charges = gateway.pages(lambda v1, params: v1.charges.list({**of_it, **params}))
    disputes = (
        gateway.pages(lambda v1, params: v1.disputes.list({**of_it, **params}))
        if any(c["disputed"] for c in charges)
        else []
    )
    row = Invoice.objects.select_for_update(of=("self",)).get(id=row.id)
    row.refunded = sum(c["amount_refunded"] for c in charges)
    row.disputed = sum(d["amount"] for d in disputes if d["status"] not in KEPT)
    _take_share(row)
    row.save()
    return True


KEPT = (
    "won",
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "prevented",
)  # disputes that took no money


def _take_share(row: Invoice) -> None:
    """Of the credits that were given for a payment, the share of it that went back; all of them for all of it. What expired
    of them is gone already, and is not taken a second time."""
    share = Fraction(min(row.total, row.refunded + row.disputed), row.total) if row.total > 0 else Fraction(0)
    wanted = int(row.credits * share)
    if wanted > row.taken and row.lot:
        wanted = max(row.taken, min(wanted, row.credits - ledger.expired(row.wallet, given_for=f"invoice:{row.id}:")))
    change = wanted - row.taken
    if not change or row.lot is None:
        return
    row.taken, row.turns = row.taken + change, row.turns + 1
    cause = f"refund:{row.id}:{row.turns}"
    if change > 0:
        ledger.take_back(row.wallet, change, cause=cause, lot=row.lot)
    else:
        ledger.restore(row.wallet, -change, cause=cause, lot=row.lot)


# ---------------------------------------------------------------- all of one customer


def customer(ident: str) -> None:
    """Everything of theirs, each in a transaction of its own; what events that were lost would have told."""
    for each in gateway.pages(lambda v1, params: v1.subscriptions.list({"customer": ident, "status": "all", **params})):
        subscription(each["id"])
    for each in reversed(gateway.pages(lambda v1, params: v1.invoices.list({"customer": ident, **params}))):
        invoice(each["id"])
    for each in gateway.pages(lambda v1, params: v1.charges.list({"customer": ident, **params})):
        if each["payment_intent"] and (each["amount_refunded"] or each["disputed"]):
            payment(each["payment_intent"])


# ---------------------------------------------------------------- parts


def _alone(ident: str) -> None:
    """Until the transaction's end nobody else fetches and applies this object: an older fetch cannot come after a newer one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [ident])


def _price(ident: str) -> StripePrice:
    found = StripePrice.objects.select_related("plan", "pack").filter(id=ident).first()
    if found is None:
        raise NotUnderstood(f"price {ident} is none of ours; run manage.py sync_stripe")
    return found


def _at(seconds: Any) -> Any:
    """A time from Stripe's seconds; None stays None."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def live_subscription(wallet: Wallet, rows: Iterable[Subscription] | None = None) -> Subscription | None:
    """The one that counts: of those that are not over the best."""
    found = Subscription.objects.filter(wallet=wallet.id, ended_at=None).select_related("plan", "next_plan")
    open_ = [s for s in found if s.status in ("active", "past_due", "unpaid")]
    return max(open_, key=lambda s: (s.plan.order, s.created_at), default=None)
