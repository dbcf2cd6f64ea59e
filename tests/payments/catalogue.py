"""Products and prices. A price never changes its amount, and a lookup key names one price of the account.

Prices are flat: once, per month or per year. Tax and further currencies of a price are not modelled.
"""

from __future__ import annotations

from .account import Account, Obj, needed, only
from .contract import Refused


def create_product(account: Account, form: Obj) -> Obj:
    only(form, "id", "name", "metadata")
    if form.get("id") in account.objects:
        raise Refused("Product already exists.", code="resource_already_exists")
    made = account.put(
        "product",
        {
            "active": True,
            "images": [],
            "marketing_features": [],
            "metadata": form.get("metadata", {}),
            "name": form["name"],
            "type": "service",
            "updated": account.now,
        },
        id=form.get("id", ""),
    )
    account.emit("product.created", made)
    return made


def update_product(account: Account, form: Obj, id: str) -> Obj:
    only(form, "active", "metadata", "name")
    return account.update("product.updated", account.get("product", id), **form, updated=account.now)


def create_price(account: Account, form: Obj) -> Obj:
    only(form, "product", "currency", "unit_amount", "recurring", "lookup_key", "transfer_lookup_key")
    needed(form, "product", "unit_amount")
    account.get("product", form["product"], "product")
    made = account.put(
        "price",
        {
            "active": True,
            "billing_scheme": "per_unit",
            "currency": form["currency"],
            "lookup_key": _key(account, form),
            "metadata": {},
            "product": form["product"],
            "recurring": _recurring(form),
            "type": "recurring" if "recurring" in form else "one_time",
            "unit_amount": form["unit_amount"],
        },
    )
    account.emit("price.created", made)
    return made


def _recurring(form: Obj) -> Obj | None:
    if "recurring" not in form:
        return None
    only(form["recurring"], "interval")
    if (interval := form["recurring"]["interval"]) not in ("month", "year"):
        raise NotImplementedError(f"a price per {interval}")
    return {"interval": interval, "interval_count": 1, "usage_type": "licensed"}


def _key(account: Account, form: Obj) -> str | None:
    """The lookup key. With transfer_lookup_key it may be taken from another price."""
    if key := form.get("lookup_key"):
        for price in account.all("price", lookup_key=key):
            if not form.get("transfer_lookup_key"):
                said = f"A price (`{price['id']}`) already uses that lookup key."
                raise Refused(said, code="resource_already_exists", param="lookup_key")
            account.update("price.updated", price, lookup_key=None)
    return key


def update_price(account: Account, form: Obj, id: str) -> Obj:
    only(form, "active")
    return account.update("price.updated", account.get("price", id), **form)
