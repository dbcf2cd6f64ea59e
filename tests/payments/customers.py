"""Customers. Deleting one leaves a stub, ends its subscriptions and keeps its invoices and charges."""

from __future__ import annotations

from . import subscriptions
from .account import Account, Obj, only


def create(account: Account, form: Obj) -> Obj:
    only(form, "email", "name", "metadata")
    made = account.put(
        "customer",
        {
            "balance": 0,
            "email": form.get("email"),
            "metadata": form.get("metadata", {}),
            "name": form.get("name"),
        },
    )
    account.emit("customer.created", made)
    return made


def retrieve(account: Account, form: Obj, id: str) -> Obj:
    return account.get("customer", id, deleted=True)


def update(account: Account, form: Obj, id: str) -> Obj:
    only(form, "metadata")
    return account.update("customer.updated", account.get("customer", id), **form)


def delete(account: Account, form: Obj, id: str) -> Obj:
    customer = account.get("customer", id)
    for sub in account.all("subscription", customer=id):
        if sub["status"] != "canceled":
            subscriptions.end(account, sub, "cancellation_requested")
    account.emit("customer.deleted", customer)
    account.objects[id] = {"id": id, "object": "customer", "deleted": True}
    return account.objects[id]
