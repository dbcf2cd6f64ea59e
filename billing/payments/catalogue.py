"""Our plans and packs as Stripe's products and prices, and what people may change in its portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import reverse

from billing.models import Pack, Plan, StripePrice
from billing.payments import gateway

HEADLINE = "PhotoFlux"


class NotUnderstood(Exception):
    """An object at Stripe has a price or currency that is not ours.

    Its event is stored as failed, for staff to look at.
    """


def price_of(ident: str) -> StripePrice:
    """What a price at Stripe buys. Raises NotUnderstood."""
    found = StripePrice.objects.select_related("plan", "pack").filter(id=ident).first()
    if found is None:
        raise NotUnderstood(f"price {ident} is none of ours; run manage.py sync_stripe")
    return found


def wanted() -> Iterator[tuple[Plan | Pack, str, int]]:
    """(plan or pack, interval or "", cents) of everything that is sold for money."""
    for plan in Plan.objects.filter(on_sale=True):
        yield from (
            (plan, i, c) for i, c in (("month", plan.price_cents), ("year", plan.price_year_cents)) if c
        )
    for pack in Pack.objects.filter(on_sale=True, price_cents__gt=0):
        yield pack, "", pack.price_cents


def synchronise(*, dry_run: bool = False) -> list[str]:
    """Create or update a product for each plan and pack, and a price for each amount. Returns a sentence for
    each change.

    A price at Stripe has a fixed amount. A new amount needs a new price, and the old one is no longer sold.
    """
    said: list[str] = []
    old = {row.id: row for row in StripePrice.objects.filter(current=True)}
    for thing, interval, cents in wanted():
        have = _row(thing, interval)
        said += _product(thing, dry_run=dry_run)
        if have:
            del old[have.id]
        if have and (have.cents, have.currency) == (cents, settings.CURRENCY):
            continue
        said.append(f"{_key(thing, interval)}: {cents / 100:.2f} {settings.CURRENCY}")
        if not dry_run:
            _sell(thing, interval, cents, have)
    for gone in old.values():
        said.append(f"{gone.id}: not sold any more")
        if not dry_run:
            _end(gone)
    if not dry_run:
        _set_portal()
    return said


def _row(thing: Plan | Pack, interval: str) -> StripePrice | None:
    of: Any = {"plan": thing} if isinstance(thing, Plan) else {"pack": thing}
    return StripePrice.objects.filter(current=True, interval=interval, **of).first()


def _key(thing: Plan | Pack, interval: str) -> str:
    kind = "plan" if isinstance(thing, Plan) else "pack"
    return f"photoflux_{kind}_{thing.code}" + (f"_{interval}" if interval else "")


def _product(thing: Plan | Pack, *, dry_run: bool) -> list[str]:
    """Create or rename a product; returns a sentence if it did. Its id is ours, so the next run finds it."""
    ident = _key(thing, "")
    name = f"{HEADLINE} {thing.name}" if isinstance(thing, Plan) else f"{HEADLINE}: {thing.credits} credits"
    facts: Any = {"name": name, "metadata": {"photoflux": ident}}
    found = gateway.pages(lambda v1, params: v1.products.list({"ids": [ident], **params}))
    if found and found[0]["name"] == name and found[0]["active"]:
        return []
    if not dry_run and found:
        gateway.call(lambda v1: v1.products.update(ident, {"active": True, **facts}))
    elif not dry_run:
        gateway.call(lambda v1: v1.products.create({"id": ident, **facts}))
    return [f"{ident}: {name}"]


def _sell(thing: Plan | Pack, interval: str, cents: int, old: StripePrice | None) -> StripePrice:
    product, key = _key(thing, ""), _key(thing, interval)
    at_stripe = gateway.pages(
        lambda v1, params: v1.prices.list(
            {"product": product, "lookup_keys": [key], "active": True, **params}
        )
    )
    same = [p for p in at_stripe if (p["unit_amount"], p["currency"]) == (cents, settings.CURRENCY)]
    ask: Any = {
        "product": product,
        "currency": settings.CURRENCY,
        "unit_amount": cents,
        "lookup_key": key,
        "transfer_lookup_key": True,
        **({"recurring": {"interval": interval}} if interval else {}),
    }
    ident = same[0]["id"] if same else gateway.call(lambda v1: v1.prices.create(ask))["id"]
    if old:
        _end(old)
    of: Any = {"plan": thing} if isinstance(thing, Plan) else {"pack": thing}
    row, _new = StripePrice.objects.update_or_create(
        id=ident,
        defaults={**of, "interval": interval, "currency": settings.CURRENCY, "cents": cents, "current": True},
    )
    return row


def _end(row: StripePrice) -> None:
    """Stop selling a price. Subscribers who have it keep it."""
    gateway.call(lambda v1: v1.prices.update(row.id, {"active": False}))
    StripePrice.objects.filter(id=row.id).update(current=False)


def _set_portal() -> None:
    """Configure the portal: users may upgrade at once, prorated, and downgrade or cancel with the period."""
    rows = (
        StripePrice.objects.filter(current=True, plan__isnull=False)
        .select_related("plan")
        .order_by("plan__order", "interval")
    )
    products: dict[str, list[str]] = {}
    for row in rows:
        products.setdefault(_key(row.plan, ""), []).append(row.id)  # type: ignore[arg-type]
    update = {
        "enabled": True,
        "default_allowed_updates": ["price", "promotion_code"],
        "proration_behavior": "always_invoice",
        "products": [{"product": product, "prices": prices} for product, prices in products.items()],
        "schedule_at_period_end": {
            "conditions": [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
        },
    }
    facts: Any = {
        "features": {
            "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address", "tax_id"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            "subscription_update": update if products else {"enabled": False},
        },
        "default_return_url": f"{settings.ORIGIN}{reverse('billing')}",
        "metadata": {"photoflux": "portal"},
    }
    if ours := portal():
        gateway.call(lambda v1: v1.billing_portal.configurations.update(ours, facts))
    else:
        gateway.call(lambda v1: v1.billing_portal.configurations.create(facts))


def portal() -> str:
    """The id of our configuration of the portal; empty before the first synchronisation."""
    found = gateway.pages(
        lambda v1, params: v1.billing_portal.configurations.list({"active": True, **params})
    )
    return next((c["id"] for c in found if c["metadata"].get("photoflux")), "")
