"""One account of the fake Stripe: its objects, events and clock; how objects are created, found and changed.

Objects are dicts with Stripe's field names; amounts are cents, times unix seconds. Nullable fields that no
code reads are left out: reading one raises KeyError, and then it is added here. Events have no
previous_attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from .contract import Refused

API = "2026-10-28.endive"
START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
DAY = 86400
LIVE = ("active", "past_due")
Obj = dict[str, Any]

PREFIXES = {
    "product": "prod",
    "price": "price",
    "customer": "cus",
    "checkout.session": "cs_test",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
    "subscription": "sub",
    "subscription_schedule": "sub_sched",
    "invoice": "in",
    "invoice_payment": "inpay",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "du",
    "event": "evt",
}
# The filters of each list. FIELDS has the name of the filtered field where it differs.
FILTERS = {
    "product": ("ids",),
    "price": ("product", "active", "lookup_keys"),
    "billing_portal.configuration": ("active",),
    "checkout.session": ("customer", "status"),
    "subscription": ("customer",),
    "invoice": ("customer",),
    "charge": ("customer", "payment_intent"),
    "refund": ("payment_intent",),
    "dispute": ("charge", "payment_intent"),
}
FIELDS = {"ids": "id", "lookup_keys": "lookup_key"}
REFERENCES = ("customer", "charge", "payment_intent", "product")


class Account:
    def __init__(self) -> None:
        self.now = START  # only `advance` moves it
        self.pages = ""  # the base address of the hosted pages, "" for Stripe's own
        # Days after the first failure; a setting of the account.
        self.retry_days: Sequence[int] = (3, 5, 7)
        self.after_retries = "canceled"  # or "past_due", "unpaid"; a setting of the account
        self.objects: dict[str, Obj] = {}
        self.events: list[Obj] = []
        # Data that Stripe keeps and does not show in its objects, by id: the form, line and payment intent
        # of a Checkout session; the products of a portal configuration.
        self.carts: dict[str, Obj] = {}
        self.offers: dict[str, list[Obj]] = {}
        self.declined: set[str] = set()  # sessions whose last card was declined, as their page shows
        self.failing: Counter[str] = Counter()  # how many of a customer's next payments fail
        self.lock = RLock()
        self._counts: Counter[str] = Counter()

    def new_id(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]:04d}"

    def put(self, kind: str, fields: Obj, *, id: str = "") -> Obj:
        made = {"id": id or self.new_id(PREFIXES[kind]), "object": kind, "created": self.now, **fields}
        if kind != "refund":  # a refund has no `livemode`
            made["livemode"] = False
        self.objects[made["id"]] = made
        return made

    def get(self, kind: str, id: str, param: str = "id", *, deleted: bool = False) -> Obj:
        """The object with this id. An unknown id in the path gives 404, one in a parameter 400."""
        found = self.objects.get(id)
        if not found or found["object"] != kind or (found.get("deleted") and not deleted):
            raise missing(kind, id, param)
        return found

    def all(self, kind: str, **where: Any) -> list[Obj]:
        """All objects of a kind, oldest first."""
        return [
            o
            for o in self.objects.values()
            if o["object"] == kind and not o.get("deleted") and all(o[k] == v for k, v in where.items())
        ]

    def emit(self, type: str, obj: Obj) -> Obj:
        event = self.put(
            "event",
            {"api_version": API, "data": {"object": deepcopy(obj)}, "pending_webhooks": 1, "type": type},
        )
        self.events.append(event)
        return event

    def update(self, type: str, obj: Obj, **fields: Any) -> Obj:
        """Change an object and emit its event; metadata are merged, and an empty value removes a key."""
        if "metadata" in fields:
            merged = {**obj["metadata"], **fields["metadata"]}
            fields["metadata"] = {k: v for k, v in merged.items() if v != ""}
        obj.update(fields)
        self.emit(type, obj)
        return obj

    def listed(self, kind: str, form: Obj, rows: Iterable[Obj] | None = None) -> Obj:
        """A page of a list, newest first, as at Stripe. Only forward paging. The caller adds the url."""
        rows = self.all(kind) if rows is None else rows
        for key in form.keys() - {"limit", "starting_after"}:
            if key not in FILTERS.get(kind, ()):
                raise NotImplementedError(f"a list of {kind} by {key}")
            if key in REFERENCES:
                self.get(key, form[key], key, deleted=True)
            wanted = form[key] if isinstance(form[key], list) else [form[key]]
            rows = [row for row in rows if row[FIELDS.get(key, key)] in wanted]
        rows, limit = list(rows)[::-1], form.get("limit", 10)
        if not 1 <= limit <= 100:
            raise Refused(
                "Invalid limit: must be between 1 and 100.", code="parameter_invalid_integer", param="limit"
            )
        if last := form.get("starting_after"):
            ids = [row["id"] for row in rows]
            if last not in ids:
                raise missing(kind, last, "starting_after")
            rows = rows[ids.index(last) + 1 :]
        return {"object": "list", "has_more": len(rows) > limit, "data": rows[:limit]}

    def expanded(self, said: Obj, paths: Iterable[str]) -> Obj:
        """Replaces the ids at `paths` in `said`, which is a copy, with the objects."""
        for path in paths:
            if path.count(".") > 3:
                raise Refused(f"You cannot expand more than 4 levels of a property ({path}).")
            node: Any = said
            for step in path.split("."):
                if isinstance(node, list):
                    raise NotImplementedError(f"{path}, expanded within a list")
                if step not in node:
                    node[step] = self._shown_on_request(node, step)
                if isinstance(node[step], str):
                    if node[step] not in self.objects:
                        raise Refused(f"This property cannot be expanded ({path}).", param="expand")
                    node[step] = deepcopy(self.objects[node[step]])
                node = node[step]
                if node is None:
                    break
        return said

    def _shown_on_request(self, node: Obj, step: str) -> Obj:
        """The value of a field that Stripe includes only when it is expanded."""
        match node["object"], step:
            case "invoice", "payments":
                return embedded("/v1/invoice_payments", self.all("invoice_payment", invoice=node["id"]))
            case "charge", "refunds":
                return embedded(f"/v1/charges/{node['id']}/refunds", self.all("refund", charge=node["id"]))
            case "checkout.session", "line_items":
                url = f"/v1/checkout/sessions/{node['id']}/line_items"
                return embedded(url, [deepcopy(self.carts[node["id"]]["line"])])
        raise NotImplementedError(f"{step} of {node['object']}, expanded")


def embedded(url: str, rows: list[Obj]) -> Obj:
    return {"object": "list", "data": rows, "has_more": False, "url": url}


def missing(kind: str, id: str, param: str) -> Refused:
    status = 404 if param == "id" else 400
    return Refused(
        f"No such {kind.replace('_item', ' item')}: '{id}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def only(form: Obj, *known: str) -> None:
    """Fail on parameters that Stripe accepts and this fake does not model."""
    if unknown := form.keys() - set(known):
        raise NotImplementedError(f"the double does not model {', '.join(sorted(unknown))}")


def needed(form: Obj, *names: str, at: str = "") -> None:
    """Refuse a form without these parameters, which Stripe requires and the library's types do not.

    `at` is the path of a nested form."""
    for name in names:
        if form.get(name) in (None, "", []):
            param = f"{at}[{name}]" if at else name
            raise Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)
