"""Checkout: a hosted page on which a customer buys one line, a plan or a pack, and gets an invoice.

Locale, tax, addresses and promotion codes are accepted and change nothing. `pay(free=True)` stands for a
promotion code of 100 %.
"""

from __future__ import annotations

from . import charges, invoices, subscriptions
from .account import DAY, Account, Obj, needed, only
from .contract import Refused

ONLY_IN = {
    "payment_intent_data": "payment",
    "invoice_creation": "payment",
    "subscription_data": "subscription",
}


def create(account: Account, form: Obj) -> Obj:
    _check(form)
    customer = account.get("customer", form["customer"], "customer")
    line = _line(account, form)
    if form["mode"] == "payment" and not form.get("invoice_creation", {}).get("enabled"):
        raise NotImplementedError("a payment without an invoice")
    made = account.put(
        "checkout.session",
        {
            "amount_subtotal": line["amount_total"],
            "amount_total": line["amount_total"],
            "automatic_tax": {"enabled": form.get("automatic_tax", {}).get("enabled", False)},
            "cancel_url": form.get("cancel_url"),
            "currency": line["currency"],
            "custom_fields": [],
            "custom_text": {},
            "customer": customer["id"],
            "customer_details": {"email": customer["email"]},
            "expires_at": account.now + DAY,
            "invoice": None,
            "metadata": {},
            "mode": form["mode"],
            "payment_intent": None,
            "payment_method_types": ["card"],
            "payment_status": "unpaid",
            "shipping_options": [],
            "status": "open",
            "subscription": None,
            "success_url": form["success_url"],
            "total_details": {"amount_discount": 0, "amount_tax": 0},
        },
    )
    made["url"] = f"{account.pages or 'https://checkout.stripe.com'}/c/pay/{made['id']}"
    account.carts[made["id"]] = {"form": form, "line": line, "intent": None}
    return made


def _check(form: Obj) -> None:
    """The checks of Stripe beyond names and types."""
    needed(form, "mode", "line_items", "success_url")
    for name, mode in ONLY_IN.items():
        if name in form and form["mode"] != mode:
            raise Refused(f"You can not pass `{name}` in `{form['mode']}` mode.", param=name)
    only(
        form,
        "mode",
        "line_items",
        "success_url",
        "cancel_url",
        "customer",
        "customer_update",
        "client_reference_id",
        "subscription_data",
        "payment_intent_data",
        "invoice_creation",
        "allow_promotion_codes",
        "locale",
        "automatic_tax",
        "tax_id_collection",
    )
    only(form.get("subscription_data", {}), "metadata")
    only(form.get("payment_intent_data", {}), "metadata")
    only(form.get("invoice_creation", {}).get("invoice_data", {}), "metadata")
    if form["mode"] == "setup" or "customer" not in form or len(form["line_items"]) != 1:
        raise NotImplementedError("Checkout that sells nothing, knows no customer, or has several lines")


def _line(account: Account, form: Obj) -> Obj:
    asked, at = form["line_items"][0], "line_items[0]"
    only(asked, "price", "quantity")
    needed(asked, "price", "quantity", at=at)
    price = account.get("price", asked["price"], f"{at}[price]")
    if not price["active"]:
        raise Refused(
            "The price specified is inactive. This field only accepts active prices.", param=f"{at}[price]"
        )
    if form["mode"] == "payment" and price["recurring"]:
        raise Refused(
            "You specified `payment` mode but passed a recurring price."
            " Either switch to `subscription` mode or use only one-time prices.",
            param=at,
        )
    if form["mode"] == "subscription" and not price["recurring"]:
        raise Refused(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    amount = price["unit_amount"] * asked["quantity"]
    return {
        "id": account.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": account.objects[price["product"]]["name"],
        "price": price,
        "quantity": asked["quantity"],
    }


def expire(account: Account, form: Obj, id: str) -> Obj:
    only(form)
    session = account.get("checkout.session", id)
    if session["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired.'
            f" This Checkout Session has a status of `{session['status']}`."
        )
    return over(account, session)


def over(account: Account, session: Obj) -> Obj:
    return account.update("checkout.session.expired", session, status="expired", url=None)


# ---------------------------------------------------------------- paying


def pay(account: Account, session_id: str, works: bool = True, free: bool = False) -> Obj:
    """The user presses Pay. After a declined card (works=False, or fail_next) the session stays open.

    `free`: with a promotion code of 100 %.
    """
    session = account.objects[session_id]
    if session["status"] != "open":
        raise ValueError(f"This Checkout Session is {session['status']}.")
    charge = None
    if free:
        session |= {
            "amount_total": 0,
            "total_details": {"amount_discount": session["amount_subtotal"], "amount_tax": 0},
        }
    else:
        charge = charges.try_card(account, _intent(account, session), works)
        if not charge["paid"]:
            account.declined.add(session_id)
            charges.tell(account, charge)
            return session
    (_begin if session["mode"] == "subscription" else _sell)(account, session, charge)
    status = "paid" if charge else "no_payment_required"
    return account.update(
        "checkout.session.completed", session, status="complete", payment_status=status, url=None
    )


def _intent(account: Account, session: Obj) -> Obj:
    """The payment intent for all tries of a session. The session shows it only in `payment` mode."""
    cart = account.carts[session["id"]]
    if not cart["intent"]:
        metadata = cart["form"].get("payment_intent_data", {}).get("metadata")
        intent = charges.new_intent(
            account, session["customer"], session["amount_total"], session["currency"], metadata
        )
        cart["intent"] = intent["id"]
        account.emit("payment_intent.created", intent)
    if session["mode"] == "payment":
        session["payment_intent"] = cart["intent"]
    return account.objects[cart["intent"]]


def _begin(account: Account, session: Obj, charge: Obj | None) -> None:
    """Creates the subscription: it is incomplete first, and active once its first invoice is paid."""
    cart, customer = account.carts[session["id"]], session["customer"]
    price, quantity = cart["line"]["price"], cart["line"]["quantity"]
    metadata = cart["form"].get("subscription_data", {}).get("metadata", {})
    sub = subscriptions.new(account, customer, price, quantity, metadata)
    line = invoices.line(account, price, quantity, subscriptions.period(sub), sub=sub)
    invoice = invoices.draft(account, customer, [line], "subscription_create", sub=sub, free=not charge)
    account.emit("customer.subscription.created", sub)
    invoices.bill(account, invoice, charge)
    account.update("customer.subscription.updated", sub, status="active")
    session |= {"subscription": sub["id"], "invoice": invoice["id"]}


def _sell(account: Account, session: Obj, charge: Obj | None) -> None:
    cart = account.carts[session["id"]]
    line = invoices.line(account, cart["line"]["price"], cart["line"]["quantity"], (account.now, account.now))
    metadata = cart["form"]["invoice_creation"].get("invoice_data", {}).get("metadata")
    invoice = invoices.draft(
        account, session["customer"], [line], "manual", metadata=metadata, free=not charge
    )
    invoices.bill(account, invoice, charge)
    session["invoice"] = invoice["id"]
