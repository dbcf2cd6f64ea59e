"""Invoices from draft to paid: lines, the customer's credit balance, and the attempts to collect payment.

There are no taxes, and the only discount is 100 %.
"""

from __future__ import annotations

from copy import deepcopy

from . import charges, subscriptions
from .account import DAY, LIVE, Account, Obj, embedded, needed


def list_lines(account: Account, form: Obj, id: str) -> Obj:
    return account.listed("line_item", form, account.get("invoice", id)["lines"]["data"][::-1])


def list_payments(account: Account, form: Obj) -> Obj:
    """The invoice payments of a payment intent."""
    if "payment" not in form:
        raise NotImplementedError("a list of invoice payments without the filter `payment`")
    needed(form["payment"], "payment_intent", at="payment")
    id = account.get("payment_intent", form["payment"]["payment_intent"], "payment[payment_intent]")["id"]
    rows = [p for p in account.all("invoice_payment") if p["payment"].get("payment_intent") == id]
    return account.listed("invoice_payment", {k: v for k, v in form.items() if k != "payment"}, rows)


# ---------------------------------------------------------------- making one


def line(
    account: Account,
    price: Obj,
    quantity: int,
    span: tuple[int, int],
    *,
    sub: Obj | None = None,
    amount: int | None = None,
) -> Obj:
    """One line. A line with an `amount` is a proration; otherwise the amount is the price's."""
    total = price["unit_amount"] * quantity if amount is None else amount
    return {
        "id": account.new_id("il"),
        "object": "line_item",
        "amount": total,
        "currency": price["currency"],
        "discountable": amount is None,
        "discounts": [],
        "livemode": False,
        "metadata": dict(sub["metadata"]) if sub else {},
        "parent": _line_parent(account, sub, total, proration=amount is not None),
        "period": {"start": span[0], "end": span[1]},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
        },
        "quantity": quantity,
        "subtotal": total,
    }


def _line_parent(account: Account, sub: Obj | None, total: int, *, proration: bool) -> Obj:
    """The parent of a line. A line with a negative amount names the lines that it credits."""
    details: Obj = {
        "proration": proration,
        "proration_details": {"credited_items": _credited(account, sub) if sub and total < 0 else None},
        "subscription": sub and sub["id"],
    }
    if sub:
        item = {"subscription_item": subscriptions.item_of(sub)["id"]}
        return {"type": "subscription_item_details", "subscription_item_details": details | item}
    item = {"invoice_item": account.new_id("ii")}
    return {"type": "invoice_item_details", "invoice_item_details": details | item}


def _credited(account: Account, sub: Obj) -> Obj:
    paid = account.objects[sub["latest_invoice"]]
    return {"invoice": paid["id"], "invoice_line_items": [each["id"] for each in paid["lines"]["data"]]}


NEW_INVOICE: Obj = {
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {"enabled": False},
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "hosted_invoice_url": None,
    "issuer": {"type": "self"},
    "next_payment_attempt": None,
    "number": None,
    "payment_settings": {},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "status": "draft",
    "status_transitions": {"finalized_at": None, "paid_at": None},
    "total_taxes": [],
}


def draft(
    account: Account,
    customer: str,
    lines: list[Obj],
    reason: str,
    *,
    sub: Obj | None = None,
    free: bool = False,
    metadata: Obj | None = None,
) -> Obj:
    """A draft, which becomes the latest invoice of its subscription. The caller emits its event."""
    id, subtotal = account.new_id("in"), sum(each["amount"] for each in lines)
    facts = {
        "billing_reason": reason,
        "currency": lines[0]["currency"],
        "customer": customer,
        "customer_email": account.objects[customer]["email"],
        "discounts": ["di_0001"] if free else [],
        "lines": embedded(f"/v1/invoices/{id}/lines", lines),
        "metadata": dict(metadata or {}),
        "parent": sub and _parent(sub),
        "period_end": account.now,
        "period_start": account.now,
        "subtotal": subtotal,
        "total": 0 if free else subtotal,
    }
    made = account.put("invoice", deepcopy(NEW_INVOICE) | facts, id=id)
    _reckon(account, made)
    if sub:
        sub["latest_invoice"] = id
    return made


def _parent(sub: Obj) -> Obj:
    details = {"metadata": dict(sub["metadata"]), "subscription": sub["id"]}
    return {"type": "subscription_details", "subscription_details": details}


def _reckon(account: Account, invoice: Obj) -> None:
    """Compute the due amount with the customer's balance, which is negative when they have credit."""
    balance = account.objects[invoice["customer"]]["balance"]
    due = max(0, invoice["total"] + balance)
    invoice |= {"starting_balance": balance, "amount_due": due, "amount_remaining": due}


# ---------------------------------------------------------------- paying it


def collect(account: Account, invoice: Obj) -> None:
    """Finalize an invoice and charge what is due."""
    finalize(account, invoice)
    if invoice["status"] == "open":
        attempt(account, invoice)


def bill(account: Account, invoice: Obj, charge: Obj | None) -> None:
    """Finalize the invoice of a Checkout session, which is already paid or costs nothing."""
    if charge:
        _link(account, invoice, charge["payment_intent"])
    account.emit("invoice.created", invoice)
    finalize(account, invoice)
    if charge and charge["amount"] != invoice["amount_due"]:
        raise NotImplementedError("a credit balance at Checkout")
    if charge:
        _settle(account, invoice, charge)


def finalize(account: Account, invoice: Obj) -> None:
    """Number and open an invoice.

    A negative total is added to the customer's balance. An invoice with nothing due is paid at once.
    """
    _reckon(account, invoice)
    customer = account.objects[invoice["customer"]]
    customer["balance"] = min(0, invoice["total"] + customer["balance"])
    invoice["status_transitions"]["finalized_at"] = account.now
    account.update(
        "invoice.finalized",
        invoice,
        status="open",
        number=account.new_id("INV"),
        ending_balance=customer["balance"],
        hosted_invoice_url=f"https://invoice.stripe.com/i/acct_test/{invoice['id']}",
        automatically_finalizes_at=None,
    )
    if not invoice["amount_due"]:
        _settle(account, invoice, None)


def attempt(account: Account, invoice: Obj) -> None:
    """Charge the customer's card for an open invoice, with one payment intent for all attempts."""
    links = account.all("invoice_payment", invoice=invoice["id"])
    if links:
        intent = account.objects[links[0]["payment"]["payment_intent"]]
    else:
        intent = charges.new_intent(account, invoice["customer"], invoice["amount_due"], invoice["currency"])
        _link(account, invoice, intent["id"])
        account.emit("payment_intent.created", intent)
    charge = charges.try_card(account, intent)
    (_settle if charge["paid"] else _fail)(account, invoice, charge)


def _link(account: Account, invoice: Obj, intent: str) -> None:
    account.put(
        "invoice_payment",
        {
            "amount_requested": invoice["amount_due"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "payment": {"type": "payment_intent", "payment_intent": intent},
            "status": "open",
            "status_transitions": {"paid_at": None},
        },
    )


def _settle(account: Account, invoice: Obj, charge: Obj | None) -> None:
    """Mark the invoice as paid, by this charge, or without one when nothing is due."""
    invoice["status_transitions"]["paid_at"] = account.now
    invoice |= {
        "status": "paid",
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + bool(charge),
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "next_payment_attempt": None,
    }
    links = account.all("invoice_payment", invoice=invoice["id"])
    for link in links:
        link |= {"status": "paid", "status_transitions": {"paid_at": account.now}}
    for what in ("invoice.updated", "invoice.paid", "invoice.payment_succeeded"):
        account.emit(what, invoice)
    for link in links:
        account.emit("invoice_payment.paid", link)
    if charge:
        charges.tell(account, charge)
    sub = subscriptions.of_invoice(account, invoice)
    if sub and sub["status"] in ("past_due", "unpaid") and sub["latest_invoice"] == invoice["id"]:
        account.update("customer.subscription.updated", sub, status="active")


def _fail(account: Account, invoice: Obj, charge: Obj) -> None:
    """Plan the next attempt by `retry_days`. After the last one, `after_retries` decides the status."""
    tried, sub = invoice["attempt_count"], subscriptions.of_invoice(account, invoice)
    first = account.all("charge", payment_intent=charge["payment_intent"])[0]["created"]
    again = first + account.retry_days[tried] * DAY if tried < len(account.retry_days) else None
    invoice |= {"attempted": True, "attempt_count": tried + 1, "next_payment_attempt": again}
    charges.tell(account, charge)
    account.emit("invoice.updated", invoice)
    account.emit("invoice.payment_failed", invoice)
    if not sub or sub["status"] not in LIVE:
        return
    if again is None and account.after_retries == "canceled":
        subscriptions.end(account, sub, "payment_failed")
    elif (status := "past_due" if again else account.after_retries) != sub["status"]:
        account.update("customer.subscription.updated", sub, status=status)
