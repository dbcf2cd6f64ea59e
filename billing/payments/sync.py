"""What is at Stripe, brought over here. Stripe's object is the truth and an event only a bell: whatever rang, in whatever order
and however often, the object is fetched as it is now and applied, and applying it twice changes nothing the second time.

All of one customer's comes one after the other, by a lock of its own, so an older fetch is never applied after a newer one.
First everything is fetched, then everything is applied: nobody's credits are locked while Stripe is asked.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, Plan, StripePrice, Subscription, Transfer, Wallet
from billing.payments import emails, gateway, months
from config.errors import DomainError, NotFound

log = logging.getLogger(__name__)
Kind = Transfer.Kind


class NotUnderstood(Exception):
    """Something at Stripe that we did not put there: an unknown price or currency. It is kept, and staff look at it."""


# ---------------------------------------------------------------- fetching


@dataclass
class Found:
    """What was fetched of one customer's."""

    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[dict[str, Any]] = field(default_factory=list)
    payments: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = field(
        default_factory=dict
    )  # charges, disputes


@transaction.atomic
def sync_customer(
    customer: str,
    *,
    subscriptions: Iterable[str] = (),
    invoices: Iterable[str] = (),
    payments: Iterable[str] = (),
) -> bool:
    """Fetch and apply these of one customer's; False when they are nobody's here. Raises NotUnderstood, NotFound, Unavailable."""
    advisory_lock(customer)
    found = Found()
    bills = dict.fromkeys(invoices)
    for ident in payments:
        charges, disputes = _payment(ident)
        found.payments[ident] = charges, disputes
        if not Invoice.objects.filter(payment=ident).exists():
            bills |= dict.fromkeys(_invoice_of(ident))
    found.invoices = [_invoice(ident) for ident in bills]
    owners = dict.fromkeys([*subscriptions, *(o for o in map(_owner_of, found.invoices) if o)])
    found.subscriptions = [_subscription(ident) for ident in owners]
    return _apply(customer, found)


def sync_payment(ident: str) -> bool:
    """Refunds and disputes of a payment intent; False when it paid for nothing of ours."""
    customer = gateway.call(lambda v1: v1.payment_intents.retrieve(ident))["customer"]
    return bool(customer) and sync_customer(customer, payments=[ident])


@transaction.atomic
def everything_of(customer: str) -> bool:
    """All of theirs: what events that were lost would have told."""
    advisory_lock(customer)
    of_them: Any = {"customer": customer}
    subscriptions = gateway.pages(
        lambda v1, params: v1.subscriptions.list({**of_them, "status": "all", **params})
    )
    invoices = gateway.pages(lambda v1, params: v1.invoices.list({**of_them, **params}))
    charges = gateway.pages(lambda v1, params: v1.charges.list({**of_them, **params}))
    payments = [
        c["payment_intent"]
        for c in charges
        if c["payment_intent"] and (c["amount_refunded"] or c["disputed"])
    ]
    return sync_customer(
        customer,
        subscriptions=[s["id"] for s in subscriptions],
        invoices=[i["id"] for i in reversed(invoices)],
        payments=payments,
    )


def _subscription(ident: str) -> dict[str, Any]:
    options: Any = {"expand": ["latest_invoice", "schedule"]}
    return gateway.call(lambda v1: v1.subscriptions.retrieve(ident, options))


def _invoice(ident: str) -> dict[str, Any]:
    options: Any = {"expand": ["payments"]}
    found = gateway.call(lambda v1: v1.invoices.retrieve(ident, options))
    if found["lines"]["has_more"]:
        found["lines"]["data"] = gateway.pages(lambda v1, params: v1.invoices.line_items.list(ident, params))
    return found


def _invoice_of(payment: str) -> list[str]:
    options: Any = {"payment": {"type": "payment_intent", "payment_intent": payment}}
    return [p["invoice"] for p in gateway.call(lambda v1: v1.invoice_payments.list(options))["data"]]


def _payment(ident: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    of_it: Any = {"payment_intent": ident}
    charges = gateway.pages(lambda v1, params: v1.charges.list({**of_it, **params}))
    if not any(charge["disputed"] for charge in charges):
        return charges, []
    return charges, gateway.pages(lambda v1, params: v1.disputes.list({**of_it, **params}))


def _owner_of(invoice: dict[str, Any]) -> str:
    """The subscription that an invoice is for."""
    return ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription") or ""


def advisory_lock(name: str) -> None:
    """Until the transaction's end nobody else does what goes by this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


# ---------------------------------------------------------------- applying


def _apply(customer: str, found: Found) -> bool:
    """From here on Stripe is not asked. Whose it is: the wallet's, or of who is erased, the number that older rows say."""
    wallet = Wallet.objects.filter(stripe_customer=customer).first()
    whose = wallet.id if wallet else _once_known(found)
    if whose is None:
        return False
    ledger.enter(whose)
    for each in found.subscriptions:
        _apply_subscription(each, whose)
    for each in found.invoices:
        _apply_invoice(each, whose)
    done = [_apply_payment(ident, *parts) for ident, parts in found.payments.items()]
    if wallet:
        set_plan(wallet)
    return bool(found.subscriptions or found.invoices or any(done))


def _once_known(found: Found) -> uuid.UUID | None:
    of_subscription = Subscription.objects.filter(id__in=[s["id"] for s in found.subscriptions]).values_list(
        "wallet", flat=True
    )
    of_invoice = Invoice.objects.filter(
        Q(id__in=[i["id"] for i in found.invoices]) | Q(payment__in=found.payments)
    )
    return of_subscription.first() or of_invoice.values_list("wallet", flat=True).first()


def _apply_subscription(found: dict[str, Any], whose: uuid.UUID) -> None:
    item = found["items"]["data"][0]
    price = _price(item["price"]["id"])
    ends = found["cancel_at"] or (item["current_period_end"] if found["cancel_at_period_end"] else None)
    facts = {
        "wallet": whose,
        "plan": price.plan,
        "next_plan": _next_plan(found),
        "interval": price.interval,
        "cents": item["price"]["unit_amount"],
        "status": found["status"],
        "anchor": _at(found["billing_cycle_anchor"]),
        "period_start": _at(item["current_period_start"]),
        "period_end": _at(item["current_period_end"]),
        "ends_at": _at(ends),
        "past_due_since": _past_due_since(found),
        "created_at": _at(found["created"]),
        "ended_at": _at(found["ended_at"]),
    }
    Subscription.objects.update_or_create(id=found["id"], defaults=facts)


def _next_plan(found: dict[str, Any]) -> Plan | None:
    schedule = found["schedule"]
    phases = (
        schedule["phases"]
        if isinstance(schedule, dict) and schedule["status"] in ("active", "not_started")
        else []
    )
    coming = [
        phase for phase in phases if phase["start_date"] >= found["items"]["data"][0]["current_period_end"]
    ]
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
    live = [
        s.plan for s in Subscription.objects.filter(wallet=wallet.id).select_related("plan") if s.is_live(now)
    ]
    plan = max(live, key=lambda p: p.order, default=None) or Plan.objects.get(code="free")
    if plan == wallet.plan:
        return
    Wallet.objects.filter(id=wallet.id).update(plan=plan, plan_since=now)
    if not live:
        emails.plan_ended(wallet)


def lapse() -> int:
    """End what was not paid within the days of grace, here first and then at Stripe; how many. One that cannot be ended there
    now is tried again the next time, and keeps nobody else's."""
    late = [s for s in Subscription.objects.filter(status="past_due") if not s.is_live(timezone.now())]
    for wallet in Wallet.objects.filter(id__in=[s.wallet for s in late]):
        set_plan(wallet)
    return sum(_end(each) for each in late)


def _end(each: Subscription) -> bool:
    try:
        with contextlib.suppress(NotFound):  # it has ended there, and its event was lost
            gateway.call(lambda v1: v1.subscriptions.cancel(each.id))
        customer = gateway.call(lambda v1: v1.subscriptions.retrieve(each.id))["customer"]
        return sync_customer(customer, subscriptions=[each.id])
    except DomainError:
        log.exception("%s was not ended at Stripe", each.id)
        return False


@transaction.atomic
def customer_gone(customer: str) -> bool:
    """Deleted at Stripe, with all that they subscribed to."""
    advisory_lock(customer)
    wallet = Wallet.objects.filter(stripe_customer=customer).first()
    if wallet is None:
        return False
    over = {"status": "canceled", "ended_at": timezone.now()}
    Subscription.objects.filter(wallet=wallet.id, ended_at=None).update(**over)
    Wallet.objects.filter(id=wallet.id).update(stripe_customer=None)
    set_plan(wallet)
    return True


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


def _apply_invoice(found: dict[str, Any], whose: uuid.UUID) -> None:
    if found["status"] == "draft":
        return
    facts = {
        "wallet": whose,
        "subscription": _owner_of(found),
        "number": found["number"] or "",
        "status": found["status"],
        "currency": found["currency"],
        "total": found["total"],
        "paid": found["amount_paid"],
        "tax": sum(tax["amount"] for tax in found["total_taxes"] or []),
        "created_at": _at(found["created"]),
        "paid_at": _at(found["status_transitions"]["paid_at"]),
    }
    if payment := _payment_of(found):  # else what Checkout told of it stays
        facts["payment"] = payment
    Invoice.objects.update_or_create(id=found["id"], defaults=facts)
    row = Invoice.objects.select_for_update(of=("self",)).get(id=found["id"])
    if row.status == "paid" and not row.months:
        _deliver(row, _worth(found))


def _payment_of(found: dict[str, Any]) -> str:
    """The payment intent that paid it; an invoice may be paid in other ways, too."""
    paid = [p["payment"] for p in (found.get("payments") or {"data": []})["data"] if p["status"] == "paid"]
    return next((p["payment_intent"] for p in paid if p.get("payment_intent")), "")


def _worth(found: dict[str, Any]) -> Worth:
    """Credits follow the money: a whole month for a whole payment, and of a change within a month the difference for the part
    of it that is left. Raises NotUnderstood for what we do not sell."""
    worth, priced = Worth(), list(_priced(found))
    for line, price in priced:
        if price.pack:
            worth.pack += price.pack.credits * (line["quantity"] or 1)
        elif not _gives_back(line):
            worth.plan, worth.interval = price.plan, price.interval
            worth.start, worth.end = _at(line["period"]["start"]), _at(line["period"]["end"])
    for line, price in priced:
        if price.plan:
            _add(worth, line, price.plan, _anchor(_owner_of(found), _at(line["period"]["end"])))
    return worth


def _priced(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], StripePrice]]:
    """Lines and what they buy; what somebody added by hand buys nothing of ours."""
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


def _detail(line: dict[str, Any]) -> dict[str, Any]:
    parent = line["parent"] or {}  # a change within a period is of either kind
    return dict(parent.get("subscription_item_details") or parent.get("invoice_item_details") or {})


def _gives_back(line: dict[str, Any]) -> bool:
    """Whether it is for what is not used up any more; after a discount of all of it its amount is 0."""
    credited = (_detail(line).get("proration_details") or {}).get("credited_items")
    return line["amount"] < 0 or bool(credited)


def _add(worth: Worth, line: dict[str, Any], plan: Plan, anchor: datetime) -> None:
    start, end = _at(line["period"]["start"]), _at(line["period"]["end"])
    sign, month = (-1 if _gives_back(line) else 1), months.around(start, anchor)
    part = Fraction((month[1] - start).total_seconds()) / Fraction((month[1] - month[0]).total_seconds())
    worth.now += sign * plan.credits * (part if _detail(line).get("proration") else 1)
    if end == worth.end:  # what ends before is not taken off the months that follow
        worth.monthly += sign * plan.credits
    if sign > 0:
        worth.until = month[1]


def _anchor(owner: str, end: datetime) -> datetime:
    """From where the months of a period that ends at `end` are counted: the subscription's anchor, unless it was moved since."""
    row = Subscription.objects.filter(id=owner).first()
    return row.anchor if row and months.around(end, row.anchor)[0] == end else end


def _deliver(row: Invoice, worth: Worth) -> None:
    row.plan, row.interval, row.months = worth.plan, worth.interval, 1
    if worth.pack:
        _grant(row, worth.pack, Kind.PURCHASE, None)
    if worth.plan:
        row.month_credits, row.period_start, row.period_end = max(0, worth.monthly), worth.start, worth.end
        row.next_month = worth.until if worth.until and worth.end and worth.until < worth.end else None
        if worth.now >= 0:
            _grant(row, int(worth.now), Kind.PLAN, _expiry(worth.plan, worth.until))
        else:  # a cheaper plan at once, as from a month to a year: the money for the rest came back, and so do its credits
            row.changed = int(-worth.now)
            ledger.take_back(row.wallet, row.changed, cause=f"change:{row.id}:1")
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
    due = (
        Invoice.objects.filter(next_month__lte=timezone.now())
        .order_by("next_month")
        .values_list("id", flat=True)
    )
    return sum(_next_month(ident) for ident in due)


@transaction.atomic
def _next_month(ident: str) -> bool:
    now = timezone.now()
    ledger.enter(Invoice.objects.get(id=ident).wallet)
    row = Invoice.objects.select_for_update(of=("self",)).select_related("plan").get(id=ident)
    owner = Subscription.objects.filter(id=row.subscription).first()
    if row.next_month is None or row.next_month > now or row.plan is None or row.period_end is None:
        return False
    start = row.next_month
    anchor = (
        owner.anchor
        if owner and months.around(row.period_end, owner.anchor)[0] == row.period_end
        else row.period_end
    )
    end = months.around(start, anchor)[1]
    row.months += 1
    row.next_month = end if end < row.period_end and owner and not owner.ended_at else None
    if owner and owner.is_live(now):
        _grant(row, row.month_credits, Kind.PLAN, _expiry(row.plan, end))
    row.save()
    return True


# ---------------------------------------------------------------- payments: what takes credits back


def _apply_payment(ident: str, charges: list[dict[str, Any]], disputes: list[dict[str, Any]]) -> bool:
    row = Invoice.objects.select_for_update(of=("self",)).filter(payment=ident).first()
    if row is None:
        return False
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
    share = Fraction(min(row.paid, row.refunded + row.disputed), row.paid) if row.paid > 0 else Fraction(0)
    wanted = int(row.credits * share)
    if wanted > row.taken and row.lot:
        wanted = max(
            row.taken, min(wanted, row.credits - ledger.expired(row.wallet, given_for=f"invoice:{row.id}:"))
        )
    change = wanted - row.taken
    if not change or row.lot is None:
        return
    row.taken, row.turns = row.taken + change, row.turns + 1
    cause = f"refund:{row.id}:{row.turns}"
    if change > 0:
        ledger.take_back(row.wallet, change, cause=cause, lot=row.lot)
    else:
        ledger.restore(row.wallet, -change, cause=cause, of=f"refund:{row.id}:")


# ---------------------------------------------------------------- parts


def _price(ident: str) -> StripePrice:
    found = StripePrice.objects.select_related("plan", "pack").filter(id=ident).first()
    if found is None:
        raise NotUnderstood(f"price {ident} is none of ours; run manage.py sync_stripe")
    return found


def _at(seconds: Any) -> Any:
    """A time from Stripe's seconds; None stays None."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def live_subscription(wallet: Wallet) -> Subscription | None:
    """The one that counts: of those that are not over the best."""
    found = Subscription.objects.filter(wallet=wallet.id, ended_at=None).select_related("plan", "next_plan")
    open_ = [s for s in found if s.status in ("active", "past_due", "unpaid")]
    return max(open_, key=lambda s: (s.plan.order, s.created_at), default=None)
