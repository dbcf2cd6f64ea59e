"""Payment intents and their charges. Each customer has one card, which works unless `fail_next` was called.

Only immediate card payments are modelled: no second step, no later capture.
"""

from __future__ import annotations

from .account import Account, Obj


def new_intent(
    account: Account, customer: str, amount: int, currency: str, metadata: Obj | None = None
) -> Obj:
    """A new payment intent. The caller emits its event."""
    return account.put(
        "payment_intent",
        {
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": "automatic",
            "confirmation_method": "automatic",
            "currency": currency,
            "customer": customer,
            "latest_charge": None,
            "metadata": dict(metadata or {}),
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        },
    )


def try_card(account: Account, intent: Obj, works: bool = True) -> Obj:
    """A new charge. Its events are emitted later, by `tell`, once all dependent objects are stored."""
    if works and account.failing[intent["customer"]]:
        account.failing[intent["customer"]] -= 1
        works = False
    charge = account.put(
        "charge",
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] * works,
            "amount_refunded": 0,
            "billing_details": {"email": account.objects[intent["customer"]]["email"]},
            "captured": works,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "disputed": False,
            "metadata": dict(intent["metadata"]),
            "paid": works,
            "payment_intent": intent["id"],
            "refunded": False,
            "status": "succeeded" if works else "failed",
        },
    )
    intent["latest_charge"] = charge["id"]
    if works:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    return charge


def tell(account: Account, charge: Obj) -> None:
    intent = account.objects[charge["payment_intent"]]
    if charge["paid"]:
        account.emit("payment_intent.succeeded", intent)
        account.emit("charge.succeeded", charge)
    else:
        account.emit("charge.failed", charge)
        account.emit("payment_intent.payment_failed", intent)


def fail_next(account: Account, customer: str, times: int = 1) -> None:
    account.failing[customer] = times
