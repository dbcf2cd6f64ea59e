"""Refunds, which may fail, and disputes, which are won or lost.

Fees, the account's balance and inquiries are not modelled: a dispute takes the whole amount at once.
"""

from __future__ import annotations

from .account import DAY, Account, Obj, only
from .contract import Refused


def create(account: Account, form: Obj) -> Obj:
    only(form, "charge", "payment_intent", "amount", "reason")
    charge = _charge(account, form)
    id, left = charge["id"], charge["amount"] - charge["amount_refunded"]
    if any(dispute["status"] != "won" for dispute in account.all("dispute", charge=id)):
        raise Refused(f"Charge {id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if not left:
        raise Refused(f"Charge {id} has already been refunded.", code="charge_already_refunded")
    if not 0 < (amount := form.get("amount", left)) <= left:
        said = (
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge"
            f" (${left / 100:.2f})"
        )
        raise Refused(said, param="amount")
    refund = account.put(
        "refund",
        {
            "amount": amount,
            "charge": id,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "destination_details": _on_its_way("pending"),
            "payment_intent": charge["payment_intent"],
            "reason": form.get("reason"),
            "status": "succeeded",
        },
    )
    total = charge["amount_refunded"] + amount
    account.update("charge.refunded", charge, amount_refunded=total, refunded=total == charge["amount"])
    account.emit("refund.created", refund)
    return account.update("refund.updated", refund, destination_details=_on_its_way("available"))


def _charge(account: Account, form: Obj) -> Obj:
    if ("charge" in form) == ("payment_intent" in form):
        raise Refused(
            "You must pass exactly one of charge or payment_intent.", code="parameter_missing", param="charge"
        )
    id = form.get("charge")
    if not id:
        id = account.get("payment_intent", form["payment_intent"], "payment_intent")["latest_charge"]
    if not id or not (charge := account.get("charge", id, "charge"))["paid"]:
        said = (
            f"This PaymentIntent ({form.get('payment_intent')}) does not have a successful charge to refund."
        )
        raise Refused(said, param="payment_intent")
    return charge


def _on_its_way(reference: str) -> Obj:
    return {"type": "card", "card": {"type": "refund", "reference_status": reference}}


def refund(account: Account, charge: str, amount: int | None = None) -> Obj:
    """A refund made in the dashboard."""
    return create(account, {"charge": charge} | ({"amount": amount} if amount is not None else {}))


def fail_refund(account: Account, id: str) -> Obj:
    """The bank could not pass the refund on; we have the money again."""
    refund = account.objects[id]
    charge = account.objects[refund["charge"]]
    account.update("refund.failed", refund, status="failed")
    account.update(
        "charge.updated", charge, amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False
    )
    return refund


def dispute(account: Account, charge_id: str) -> Obj:
    """A new dispute. The bank takes the whole amount until the dispute is decided."""
    charge = account.objects[charge_id]
    made = account.put(
        "dispute",
        {
            "amount": charge["amount"],
            "balance_transactions": [],
            "charge": charge_id,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": account.now + 7 * DAY,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": "fraudulent",
            "status": "needs_response",
        },
    )
    charge["disputed"] = True
    account.emit("charge.dispute.created", made)
    account.emit("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(account: Account, id: str, won: bool) -> Obj:
    found = account.update("charge.dispute.closed", account.objects[id], status="won" if won else "lost")
    if won:
        account.emit("charge.dispute.funds_reinstated", found)
    return found
