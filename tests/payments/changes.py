"""Changes the price of a live subscription, by the API or in the portal, at once or with the next period.

A change at once is prorated by the second and invoiced at once; other settings are not modelled.
"""

from __future__ import annotations

from . import charges, invoices, subscriptions
from .account import Account, Obj, missing, only
from .contract import Refused


def update(account: Account, form: Obj, id: str) -> Obj:
    """A change by the API. It sets the flag `cancel_at_period_end`; the portal sets only the date."""
    only(form, "cancel_at_period_end", "items", "proration_behavior")
    sub = subscriptions.not_ended(account, id)
    if "cancel_at_period_end" in form:
        if sub["schedule"]:
            raise Refused(
                f"The subscription is managed by the subscription schedule `{sub['schedule']}`,"
                " and updating any cancelation behavior directly is not allowed."
                " Please update the schedule instead.",
                param="cancel_at_period_end",
            )
        if (yes := form["cancel_at_period_end"]) or sub["cancel_at"]:
            subscriptions.cancel_later(account, sub, yes, flag=yes)
    if "items" in form:
        _swap(account, sub, _asked_price(account, form, sub))
    return sub


def _asked_price(account: Account, form: Obj, sub: Obj) -> Obj:
    if len(form["items"]) != 1 or form.get("proration_behavior") != "always_invoice":
        raise NotImplementedError("several prices, or prorations that are not invoiced at once")
    asked = form["items"][0]
    only(asked, "id", "price")
    if asked.keys() != {"id", "price"}:
        raise NotImplementedError("another item beside the one there is, or the same price")
    if asked["id"] != subscriptions.item_of(sub)["id"]:
        raise missing("subscription_item", asked["id"], "items[0][id]")
    price = account.get("price", asked["price"], "items[0][price]")
    if not price["recurring"] or not price["active"]:
        raise Refused(
            "The price specified is inactive or not recurring."
            " This field only accepts active recurring prices.",
            param="items[0][price]",
        )
    return price


def change(account: Account, subscription_id: str, price_id: str) -> Obj:
    """A change in the portal. A higher price starts and is paid at once; a lower price or a shorter interval
    starts with the next period. Choosing the current price cancels a scheduled change.
    """
    sub, price = subscriptions.live(account, subscription_id), account.objects[price_id]
    if sub["cancel_at"]:
        raise ValueError("The portal lets a subscription that is to end be renewed first.")
    if sub["schedule"]:
        subscriptions.release(account, sub)
    old = subscriptions.item_of(sub)["price"]
    if price is old:
        return sub
    if price["unit_amount"] < old["unit_amount"] or subscriptions.months(price) < subscriptions.months(old):
        subscriptions.plan_price(account, sub, price)
    elif account.failing[sub["customer"]]:
        difference = price["unit_amount"] - old["unit_amount"]
        intent = charges.new_intent(account, sub["customer"], difference, sub["currency"])
        charges.tell(account, charges.try_card(account, intent))
    else:
        _swap(account, sub, price)
    return sub


def _swap(account: Account, sub: Obj, price: Obj) -> None:
    """Change the price at once, credit unused time by the second; another interval begins a new period."""
    item, now = subscriptions.item_of(sub), account.now
    start, end = subscriptions.period(sub)
    old, quantity, share = item["price"], item["quantity"], (end - now, end - start)
    unused = rounded(old["unit_amount"] * quantity, *share)
    lines = [invoices.line(account, old, quantity, (now, end), sub=sub, amount=-unused)]
    item |= {"price": price, "plan": subscriptions.plan(price)}
    if subscriptions.months(price) == subscriptions.months(old):
        rest = rounded(price["unit_amount"] * quantity, *share)
        lines.append(invoices.line(account, price, quantity, (now, end), sub=sub, amount=rest))
    else:
        sub["billing_cycle_anchor"] = now
        item |= {"current_period_start": now, "current_period_end": subscriptions.turn(now, price, now)}
        lines.append(invoices.line(account, price, quantity, subscriptions.period(sub), sub=sub))
    invoice = invoices.draft(account, sub["customer"], lines, "subscription_update", sub=sub)
    account.emit("customer.subscription.updated", sub)
    account.emit("invoice.created", invoice)
    invoices.collect(account, invoice)


def rounded(amount: int, part: int, whole: int) -> int:
    """amount * part / whole to the nearest cent, halves up."""
    return (2 * amount * part + whole) // (2 * whole)
