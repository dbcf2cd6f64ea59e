"""Stripe in memory, as of API 2026-10-28: what its API answers, what people do on its pages, and the events that follow.

What it does not model it refuses loudly (NotImplementedError), so that no test passes on a guess. Amounts are cents, times
unix seconds of `now`, a clock that only `advance` moves. A subscription is in flexible billing mode, the API's default.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import wraps
from threading import Lock, RLock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

from .contract import Refused, check, find

API = "2026-10-28.endive"
START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
DAY = 86400
LIVE = ("active", "trialing", "past_due")
LENGTH = {"day": 1, "week": 7, "month": 30, "year": 365}
Obj = dict[str, Any]

# What a list may be narrowed by: the parameter, and where its value lies in the object.
FILTERS = {
    "product": {"active": "active", "ids": "id"},
    "price": {"product": "product", "active": "active", "lookup_keys": "lookup_key", "type": "type", "currency": "currency"},
    "customer": {"email": "email"},
    "checkout.session": {"customer": "customer", "payment_intent": "payment_intent", "subscription": "subscription", "status": "status"},
    "billing_portal.configuration": {"active": "active", "is_default": "is_default"},
    "subscription": {"customer": "customer"},
    "subscription_schedule": {"customer": "customer"},
    "invoice": {"customer": "customer", "status": "status", "subscription": "parent.subscription_details.subscription"},
    "invoice_payment": {"invoice": "invoice", "status": "status", "payment": "payment.payment_intent"},
    "charge": {"customer": "customer", "payment_intent": "payment_intent"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "event": {},
}  # fmt: skip
REFERENCES = ("customer", "charge", "payment_intent", "invoice", "subscription", "product")
DECLINED = {
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
    "type": "card_error",
}


def locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """What people do and what the API is asked come one after the other."""

    @wraps(method)
    def one_at_a_time(self: FakeStripe, *args: Any, **more: Any) -> Any:
        with self.lock:
            return method(self, *args, **more)

    return one_at_a_time


class FakeStripe:
    def __init__(self) -> None:
        self.now = START
        self.keys = {"sk_test_new", "sk_test_old"}
        self.down = False
        self.notify = ""  # where the hosted pages' server sends events
        self.pages = ""  # the base address of the hosted pages, "" for Stripe's own
        self.draft_for = 3600  # a renewal's invoice is a draft for about an hour before it is paid
        self.retry_days: Sequence[int] = (3, 5, 7)  # after the first failure
        self.after_retries = "canceled"  # or "past_due", "unpaid": the account's setting
        self.calls: list[tuple[str, str, Obj]] = []
        self.events: list[Obj] = []
        self.undelivered: list[Obj] = []
        self.declined: set[str] = set()  # sessions whose last card was declined: their page says so
        self.lock = RLock()
        self._delivering = Lock()
        self._flushed = 0
        self._objects: dict[str, Obj] = {}
        self._counts: Counter[str] = Counter()
        self._failing: Counter[str] = Counter()
        self._replies: dict[str, tuple[Any, int, str, str, int]] = {}
        self._request: Obj = {"id": None, "idempotency_key": None}
        self._lines: dict[str, list[Obj]] = {}  # of sessions
        self._plans: dict[str, Obj] = {}  # what a session's parameters say of the things it will make
        self._products: dict[str, list[Obj]] = {}  # of portal configurations
        self._pending: dict[str, list[Obj]] = {}  # proration lines that wait for the subscription's next invoice

    # The API

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes | str | None = None) -> tuple[int, dict[str, str], str]:  # fmt: skip
        """`path` with its query. The answer's body is JSON, errors included."""
        named = {k.lower(): v for k, v in headers.items()}
        with self.lock:
            more = {"Content-Type": "application/json", "Request-Id": self._new("req"), "Stripe-Version": API}
            self._request = {"id": more["Request-Id"], "idempotency_key": named.get("idempotency-key")}
            try:
                status, said = self._reply(method.upper(), path, named, body, more)
            except Refused as refused:
                status, said = refused.status, json.dumps(refused.body)
            finally:
                self._request = {"id": None, "idempotency_key": None}
        return status, more, said

    def _reply(self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None, more: dict[str, str]) -> tuple[int, str]:  # fmt: skip
        where = urlsplit(url)
        text = body.decode() if isinstance(body, bytes) else body or ""
        form = decode("&".join(part for part in (where.query, text) if part))
        self.calls.append((method, where.path, deepcopy(form)))
        self._admit(headers)
        key = headers.get("idempotency-key", "") if method == "POST" else ""
        if key and (again := self._again(key, (method, where.path, form), more)):
            return again
        name, ids = find(method, where.path)
        typed = check(method, where.path, form)
        status, said = 200, {}
        try:
            said = self._expand(deepcopy(getattr(self, name.replace(".", "_"))(typed, *ids)), typed.pop("expand", []))
        except Refused as refused:
            status, said = refused.status, refused.body
        # Stripe keeps an answer once an endpoint began to work on it, its refusals too; a form that breaks the contract is not kept.
        if key:
            self._replies[key] = ((method, where.path, form), status, json.dumps(said), more["Request-Id"], self.now)
        return status, json.dumps(said)

    def _admit(self, headers: Mapping[str, str]) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if not key or scheme != "Bearer":
            raise Refused("You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').", status=401)  # fmt: skip
        if key not in self.keys:
            raise Refused(f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:]}", status=401)
        if headers.get("stripe-version", API) != API:
            raise Refused(f"Invalid Stripe API version: {headers['stripe-version']}")

    def _again(self, key: str, asked: Any, more: dict[str, str]) -> tuple[int, str] | None:
        kept = self._replies.get(key)
        if not kept or kept[4] <= self.now - DAY:
            return None
        if kept[0] != asked:
            raise Refused(f"Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request.", type="idempotency_error")  # fmt: skip
        more |= {"Idempotent-Replayed": "true", "Original-Request": kept[3]}
        return kept[1], kept[2]

    def _expand(self, said: Obj, paths: Iterable[str]) -> Obj:
        for path in paths:
            steps = path.split(".")
            if said["object"] == "list" and steps[0] != "data":
                raise Refused(
                    f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
                )
            if len(steps) - (said["object"] == "list") > 4:
                raise Refused(f"You cannot expand more than 4 levels of a property ({path}).")
            self._expand_one(said, steps, path)
        return said

    def _expand_one(self, node: Any, steps: list[str], path: str) -> None:
        if isinstance(node, list):
            for one in node:
                self._expand_one(one, steps, path)
            return
        step, *rest = steps
        if step not in node:
            node[step] = self._included(node, step, path)
        if isinstance(node[step], str):
            if node[step] not in self._objects:
                raise Refused(f"This property cannot be expanded ({path}).", param="expand")
            node[step] = deepcopy(self._objects[node[step]])
        if rest and node[step] is not None:
            self._expand_one(node[step], rest, path)

    def _included(self, node: Obj, step: str, path: str) -> Any:
        """Fields that an object shows only when they are expanded."""
        id = node.get("id", "")
        match node.get("object"), step:
            case "invoice", "payments":
                return embedded("/v1/invoice_payments", self._all("invoice_payment", invoice=id))
            case "charge", "refunds":
                return embedded(f"/v1/charges/{id}/refunds", self._all("refund", charge=id))
            case "customer", "subscriptions":
                alive = [
                    s
                    for s in self._all("subscription", customer=id)
                    if s["status"] not in ("canceled", "incomplete_expired")
                ]
                return embedded(f"/v1/customers/{id}/subscriptions", alive)
            case "checkout.session", "line_items":
                return embedded(f"/v1/checkout/sessions/{id}/line_items", deepcopy(self._lines[id]))
        raise Refused(f"This property cannot be expanded ({path}).", param="expand")

    def _list(self, kind: str, url: str, form: Obj, found: Iterable[Obj] | None = None) -> Obj:
        """Newest first, as Stripe lists; cursors are ids of objects in the list."""
        given = {
            k: v for k, v in form.items() if k not in ("limit", "starting_after", "ending_before", "created", "expand")
        }
        for key in REFERENCES:
            if isinstance(given.get(key), str):
                self._get(key, given[key], key, deleted=True)
        rows = self._all(kind) if found is None else found
        for key, wanted in given.items():
            if key not in FILTERS.get(kind, {}):
                raise NotImplementedError(f"a list of {kind} by {key}")
            rows = [row for row in rows if matches(dig(row, FILTERS[kind][key]), wanted)]
        rows = [row for row in rows if within(row.get("created", 0), form.get("created"))][::-1]
        if not 1 <= (limit := form.get("limit", 10)) <= 100:
            raise Refused("Invalid limit: must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
        if after := form.get("starting_after"):
            rows = rows[self._cursor(kind, rows, after, "starting_after") + 1 :]
        if before := form.get("ending_before"):
            rows = rows[: self._cursor(kind, rows, before, "ending_before")][-limit:]
        return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}

    def _cursor(self, kind: str, rows: Sequence[Obj], id: str, param: str) -> int:
        for i, row in enumerate(rows):
            if row["id"] == id:
                return i
        raise missing(kind, id, param)

    # What there is

    def _new(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]:04d}"

    def _put(self, kind: str, prefix: str, fields: Obj, *, id: str = "", livemode: bool = True) -> Obj:
        flag = {"livemode": False} if livemode else {}
        made = {"id": id or self._new(prefix), "object": kind, "created": self.now, **flag, **fields}
        self._objects[made["id"]] = made
        return made

    def _get(self, kind: str, id: str, param: str = "id", *, deleted: bool = False) -> Obj:
        """A look-up by the path is a 404, one by a parameter a 400."""
        found = self._objects.get(id)
        if not found or found["object"] != kind or (found.get("deleted") and not deleted):
            raise missing(kind, id, param)
        return found

    def _all(self, kind: str, **where: Any) -> list[Obj]:
        """Oldest first."""
        return [o for o in self._objects.values() if o["object"] == kind and not o.get("deleted") and all(o.get(k) == v for k, v in where.items())]  # fmt: skip

    def _emit(self, type: str, obj: Obj, before: Obj | None = None) -> Obj:
        data: Obj = {"object": deepcopy(obj)}
        if before is not None:
            data["previous_attributes"] = changes(before, obj)
        event = self._put("event", "evt", {"api_version": API, "data": data, "pending_webhooks": 1, "request": dict(self._request), "type": type})  # fmt: skip
        self.events.append(event)
        return event

    def _set(self, type: str, obj: Obj, **fields: Any) -> Obj:
        """Changes it and says so."""
        before = deepcopy(obj)
        obj.update(fields)
        self._emit(type, obj, before)
        return obj

    def _patch(self, type: str, obj: Obj, form: Obj) -> Obj:
        given = {k: (v if v != "" else None) for k, v in form.items() if k != "expand"}
        if "metadata" in form:
            given["metadata"] = merged(obj["metadata"], form["metadata"])
        return self._set(type, obj, **given)

    # Products and prices

    def product_create(self, form: Obj) -> Obj:
        only(
            form,
            "id",
            "name",
            "active",
            "description",
            "metadata",
            "tax_code",
            "unit_label",
            "statement_descriptor",
            "images",
            "url",
        )
        if form.get("id") in self._objects:
            raise Refused("Product already exists.", code="resource_already_exists")
        fields = {k: form.get(k) for k in ("description", "statement_descriptor", "tax_code", "unit_label", "url")}
        fields |= {
            "active": form.get("active", True),
            "default_price": None,
            "images": form.get("images") or [],
            "marketing_features": [],
        }
        fields |= {
            "metadata": merged({}, form.get("metadata")),
            "name": form["name"],
            "package_dimensions": None,
            "shippable": None,
        }
        made = self._put("product", "prod", {**fields, "type": "service", "updated": self.now}, id=form.get("id", ""))
        self._emit("product.created", made)
        return made

    def product_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("product", id)

    def product_update(self, form: Obj, id: str) -> Obj:
        only(form, "active", "default_price", "description", "metadata", "name", "tax_code", "unit_label", "statement_descriptor", "images", "url")  # fmt: skip
        return self._patch("product.updated", self._get("product", id), {**form, "updated": self.now})

    def product_list(self, form: Obj) -> Obj:
        return self._list("product", "/v1/products", form)

    def price_create(self, form: Obj) -> Obj:
        only(form, "product", "currency", "unit_amount", "recurring", "lookup_key", "transfer_lookup_key", "metadata", "nickname", "tax_behavior", "active", "billing_scheme")  # fmt: skip
        for need in ("product", "unit_amount"):
            if need not in form:
                raise Refused(f"Missing required param: {need}.", code="parameter_missing", param=need)
        self._get("product", form["product"], "product")
        made = self._price(form)
        self._emit("price.created", made)
        return made

    def _price(self, form: Obj) -> Obj:
        asked = form.get("recurring")
        recurring = asked and {"interval": asked["interval"], "interval_count": asked.get("interval_count", 1), "meter": None, "trial_period_days": None, "usage_type": "licensed"}  # fmt: skip
        self._take_key(form)
        fields = {
            "active": form.get("active", True), "billing_scheme": "per_unit", "currency": form["currency"], "custom_unit_amount": None,
            "lookup_key": form.get("lookup_key"), "metadata": merged({}, form.get("metadata")), "nickname": form.get("nickname"),
            "product": form["product"], "recurring": recurring, "tax_behavior": form.get("tax_behavior", "unspecified"), "tiers_mode": None,
            "transform_quantity": None, "type": "recurring" if recurring else "one_time", "unit_amount": form["unit_amount"],
            "unit_amount_decimal": str(form["unit_amount"]),
        }  # fmt: skip
        return self._put("price", "price", fields)

    def _take_key(self, form: Obj, own: str = "") -> None:
        """A lookup key names one price of the account; only transfer_lookup_key takes it from another."""
        for price in self._all("price", lookup_key=form.get("lookup_key")) if form.get("lookup_key") else []:
            if price["id"] == own:
                continue
            if not form.get("transfer_lookup_key"):
                raise Refused(
                    f"A price (`{price['id']}`) already uses that lookup key.",
                    code="resource_already_exists",
                    param="lookup_key",
                )
            self._set("price.updated", price, lookup_key=None)

    def price_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("price", id)

    def price_update(self, form: Obj, id: str) -> Obj:
        only(form, "active", "metadata", "nickname", "lookup_key", "transfer_lookup_key", "tax_behavior")
        price = self._get("price", id)
        self._take_key(form, id)
        if (
            form.get("tax_behavior", price["tax_behavior"]) != price["tax_behavior"]
            and price["tax_behavior"] != "unspecified"
        ):
            raise Refused("You cannot change the tax_behavior of a price once it is set.", param="tax_behavior")
        return self._patch("price.updated", price, {k: v for k, v in form.items() if k != "transfer_lookup_key"})

    def price_list(self, form: Obj) -> Obj:
        return self._list("price", "/v1/prices", form)

    # Customers

    def customer_create(self, form: Obj) -> Obj:
        only(form, "email", "name", "phone", "description", "metadata", "preferred_locales", "address", "tax_exempt")
        made = self._customer(form)
        self._emit("customer.created", made)
        return made

    def _customer(self, form: Obj) -> Obj:
        fields = {k: form.get(k) or None for k in ("address", "description", "email", "name", "phone")}
        made = self._put("customer", "cus", {
            **fields, "balance": 0, "currency": None, "default_source": None, "delinquent": False, "discount": None,
            "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
            "metadata": merged({}, form.get("metadata")), "next_invoice_sequence": 1, "preferred_locales": form.get("preferred_locales", []),
            "shipping": None, "tax_exempt": form.get("tax_exempt") or "none", "test_clock": None,
        })  # fmt: skip
        made["invoice_prefix"] = hashlib.sha256(made["id"].encode()).hexdigest()[:8].upper()
        return made

    def customer_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("customer", id, deleted=True)

    def customer_update(self, form: Obj, id: str) -> Obj:
        only(form, "email", "name", "phone", "description", "metadata", "preferred_locales", "address", "tax_exempt")
        return self._patch("customer.updated", self._get("customer", id), form)

    def customer_delete(self, form: Obj, id: str) -> Obj:
        """Its subscriptions end at once; its invoices and charges stay."""
        customer = self._get("customer", id)
        for sub in self._all("subscription", customer=id):
            if sub["status"] != "canceled":
                self._end(sub, "cancellation_requested")
        self._emit("customer.deleted", customer)
        self._objects[id] = {"id": id, "object": "customer", "deleted": True}
        return self._objects[id]

    def customer_list(self, form: Obj) -> Obj:
        return self._list("customer", "/v1/customers", form)

    # Checkout

    def checkout_session_create(self, form: Obj) -> Obj:
        only(form, "mode", "line_items", "success_url", "cancel_url", "customer", "customer_email", "customer_creation", "customer_update", "client_reference_id",
            "metadata", "subscription_data", "payment_intent_data", "invoice_creation", "allow_promotion_codes", "expires_at", "locale", "automatic_tax",
            "tax_id_collection", "billing_address_collection", "payment_method_types", "payment_method_collection", "submit_type", "ui_mode", "currency",
            "consent_collection", "custom_text", "origin_context", "integration_identifier", "adaptive_pricing", "phone_number_collection", "saved_payment_method_options")  # fmt: skip
        mode = self._checked_session(form)
        lines = [self._line_item(line, i, mode) for i, line in enumerate(form["line_items"])]
        customer = self._get("customer", form["customer"], "customer") if "customer" in form else None
        made = self._put("checkout.session", "cs_test", session_fields(form, mode, sum(line["amount_total"] for line in lines), lines[0]["currency"]))  # fmt: skip
        email = customer["email"] if customer else form.get("customer_email")
        made["customer_details"] = person({"email": email}) if email or customer else None
        made["expires_at"] = form.get("expires_at", self.now + DAY)
        made["url"] = f"{self.pages or 'https://checkout.stripe.com'}/c/pay/{made['id']}"
        self._lines[made["id"]] = lines
        self._plans[made["id"]] = {
            k: form.get(k, {}) for k in ("subscription_data", "payment_intent_data", "invoice_creation")
        }
        return made

    def _checked_session(self, form: Obj) -> str:
        """What Stripe checks beyond names and types."""
        mode = form.get("mode")
        for need in ("mode", "line_items", "success_url"):
            if not form.get(need):
                raise Refused(f"Missing required param: {need}.", code="parameter_missing", param=need)
        if mode == "setup" or form.get("ui_mode", "hosted_page") != "hosted_page":
            raise NotImplementedError("Checkout other than a hosted page for a payment or a subscription")
        only(form.get("subscription_data", {}), "metadata", "description")
        only(form.get("payment_intent_data", {}), "metadata", "description", "receipt_email", "statement_descriptor_suffix", "setup_future_usage")  # fmt: skip
        wrong = ("payment_intent_data", "invoice_creation", "submit_type", "customer_creation") if mode == "subscription" else ("subscription_data", "payment_method_collection")  # fmt: skip
        for key in wrong:
            if key in form:
                raise Refused(f"You can not pass `{key}` in `{mode}` mode.", param=key)
        if "customer" in form and ("customer_email" in form or "customer_creation" in form):
            raise Refused("You may only specify one of these parameters: customer, customer_email.", code="parameters_exclusive", param="customer")  # fmt: skip
        if "customer_update" in form and "customer" not in form:
            raise Refused("`customer_update` can only be used with `customer`.", param="customer_update")
        if not self.now + 1800 <= form.get("expires_at", self.now + DAY) <= self.now + DAY:
            raise Refused("The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.", param="expires_at")  # fmt: skip
        return str(mode)

    def _line_item(self, line: Obj, i: int, mode: str) -> Obj:
        only(line, "price", "price_data", "quantity")
        at = f"line_items[{i}]"
        if "quantity" not in line:
            raise Refused(f"Missing required param: {at}[quantity].", code="parameter_missing", param=f"{at}[quantity]")
        if ("price" in line) == ("price_data" in line):
            raise Refused(f"You must specify either `{at}[price]` or `{at}[price_data]`.", param=at)
        price = (
            self._get("price", line["price"], f"{at}[price]") if "price" in line else self._one_off(line["price_data"])
        )
        if "price" in line and not price["active"]:
            raise Refused(
                "The price specified is inactive. This field only accepts active prices.", param=f"{at}[price]"
            )
        if mode == "payment" and price["recurring"]:
            raise Refused("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.", param=at)  # fmt: skip
        if mode == "subscription" and not price["recurring"]:
            if i == 0:
                raise Refused(
                    "You must provide at least one recurring price in `subscription` mode when using prices.",
                    param="line_items",
                )
            raise NotImplementedError("a one-time price beside a subscription")
        amount = price["unit_amount"] * line["quantity"]
        return {
            "id": self._new("li"), "object": "item", "adjustable_quantity": None, "amount_discount": 0, "amount_subtotal": amount, "amount_tax": 0,
            "amount_total": amount, "currency": price["currency"], "description": self._objects[price["product"]]["name"], "metadata": {},
            "price": price, "quantity": line["quantity"],
        }  # fmt: skip

    def _one_off(self, data: Obj) -> Obj:
        only(data, "currency", "product", "product_data", "unit_amount", "recurring", "tax_behavior")
        product = data.get("product") or self.product_create(data["product_data"])["id"]
        return self._price({**data, "product": self._get("product", product, "product")["id"], "active": False})

    def checkout_session_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("checkout.session", id)

    def checkout_session_list(self, form: Obj) -> Obj:
        return self._list("checkout.session", "/v1/checkout/sessions", form)

    def checkout_session_list_line_items(self, form: Obj, id: str) -> Obj:
        self._get("checkout.session", id)
        return self._list("item", f"/v1/checkout/sessions/{id}/line_items", form, self._lines[id][::-1])

    def checkout_session_expire(self, form: Obj, id: str) -> Obj:
        session = self._get("checkout.session", id)
        if session["status"] != "open":
            raise Refused(f"Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `{session['status']}`.")  # fmt: skip
        return self._expire(session)

    def _expire(self, session: Obj) -> Obj:
        return self._set("checkout.session.expired", session, status="expired", url=None)

    # The portal

    def billing_portal_configuration_create(self, form: Obj) -> Obj:
        only(form, "business_profile", "default_return_url", "features", "metadata", "name", "login_page")
        features, products = self._features(form["features"])
        made = self._put("billing_portal.configuration", "bpc", {
            "active": True, "application": None, "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None} | form.get("business_profile", {}),
            "default_return_url": form.get("default_return_url") or None, "features": features, "is_default": False,
            "login_page": {"enabled": form.get("login_page", {}).get("enabled", False), "url": None}, "metadata": merged({}, form.get("metadata")),
            "name": form.get("name") or None, "updated": self.now,
        })  # fmt: skip
        self._products[made["id"]] = products
        self._emit("billing_portal.configuration.created", made)
        return self._shown(made, form)

    def _features(self, asked: Obj, had: Obj | None = None) -> tuple[Obj, list[Obj]]:
        """The features in full, and the products apart: Stripe shows those only when they are expanded."""
        off: Obj = {"enabled": False}
        full: Obj = had or {
            "customer_update": off | {"allowed_updates": []}, "invoice_history": dict(off),
            "payment_method_update": off | {"payment_method_configuration": None},
            "subscription_cancel": off | {"cancellation_reason": off | {"options": []}, "mode": "at_period_end", "proration_behavior": "none"},
            "subscription_pause": off | {"duration": {"interval_options": [], "type": "indefinite"}},
            "subscription_update": off | {
                "billing_cycle_anchor": None, "default_allowed_updates": [], "proration_behavior": "none",
                "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "end_trial",
            },
        }  # fmt: skip
        update = asked.get("subscription_update", {})
        if update.get("enabled") and not had:
            for need in ("default_allowed_updates", "products"):
                if not update.get(need):
                    param = f"features[subscription_update][{need}]"
                    raise Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)
        for i, offer in enumerate(update.get("products") or []):
            self._offered(offer, f"features[subscription_update][products][{i}]")
        for name, given in asked.items():
            full[name] = {**full[name], **{k: v for k, v in given.items() if k != "products"}}
        return full, deepcopy(update.get("products") or [])

    def _offered(self, offer: Obj, at: str) -> None:
        self._get("product", offer["product"], f"{at}[product]")
        for j, id in enumerate(offer["prices"]):
            price = self._get("price", id, f"{at}[prices][{j}]")
            if price["product"] != offer["product"] or not price["recurring"]:
                raise Refused(
                    f"The price `{id}` is not a recurring price of the product `{offer['product']}`.",
                    param=f"{at}[prices][{j}]",
                )

    def _shown(self, made: Obj, form: Obj) -> Obj:
        wanted = "features.subscription_update.products"
        shown = deepcopy(made)
        for path in [p for p in form.get("expand", []) if p.endswith(wanted)]:
            form["expand"].remove(path)
            products = [
                {"adjustable_quantity": {"enabled": False, "maximum": None, "minimum": 1}, **p}
                for p in self._products[made["id"]]
            ]
            shown["features"]["subscription_update"]["products"] = products
        return shown

    def billing_portal_configuration_retrieve(self, form: Obj, id: str) -> Obj:
        return self._shown(self._get("billing_portal.configuration", id), form)

    def billing_portal_configuration_update(self, form: Obj, id: str) -> Obj:
        only(form, "active", "business_profile", "default_return_url", "features", "metadata", "name")
        made = self._get("billing_portal.configuration", id)
        given = {k: v for k, v in form.items() if k != "features"}
        if "features" in form:
            given["features"], products = self._features(form["features"], deepcopy(made["features"]))
            if "products" in form["features"].get("subscription_update", {}):
                self._products[id] = products
        if "business_profile" in form:
            given["business_profile"] = made["business_profile"] | form["business_profile"]
        self._patch("billing_portal.configuration.updated", made, {**given, "updated": self.now})
        return self._shown(made, form)

    def billing_portal_configuration_list(self, form: Obj) -> Obj:
        return self._list("billing_portal.configuration", "/v1/billing_portal/configurations", form)

    def billing_portal_session_create(self, form: Obj) -> Obj:
        only(form, "customer", "configuration", "return_url", "locale", "flow_data")
        if "customer" not in form:
            raise Refused("Missing required param: customer.", code="parameter_missing", param="customer")
        self._get("customer", form["customer"], "customer")
        if "configuration" not in form:
            raise Refused("No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.")  # fmt: skip
        config = self._get("billing_portal.configuration", form["configuration"], "configuration")
        made = self._put("billing_portal.session", "bps", {
            "configuration": config["id"], "customer": form["customer"], "customer_account": None, "flow": self._flow(form, config),
            "locale": form.get("locale"), "on_behalf_of": None, "return_url": form.get("return_url", config["default_return_url"]),
        })  # fmt: skip
        made["url"] = f"{self.pages or 'https://billing.stripe.com'}/p/session/{made['id']}"
        self._emit("billing_portal.session.created", made)
        return made

    def _flow(self, form: Obj, config: Obj) -> Obj | None:
        if not (asked := form.get("flow_data")):
            return None
        kind = asked["type"]
        if kind != "payment_method_update":
            if kind not in ("subscription_cancel", "subscription_update", "subscription_update_confirm"):
                raise NotImplementedError(f"the portal's flow {kind}")
            at = f"flow_data[{kind}]"
            if kind not in asked:
                raise Refused(f"Missing required param: {at}.", code="parameter_missing", param=at)
            sub = self._get("subscription", asked[kind]["subscription"], f"{at}[subscription]")
            if sub["customer"] != form["customer"] or sub["status"] not in LIVE:
                raise Refused(
                    f"No such subscription: '{sub['id']}'", code="resource_missing", param=f"{at}[subscription]"
                )
            self._confirmable(asked[kind].get("items", []), sub, f"{at}[items]")
        feature = kind.removesuffix("_confirm")
        if not config["features"][feature]["enabled"]:
            raise Refused(f"This flow cannot be used because the {feature} feature in the portal configuration is disabled.", param="flow_data[type]")  # fmt: skip
        flow: Obj = {
            "subscription_cancel": None,
            "subscription_update": None,
            "subscription_update_confirm": None,
            "type": kind,
        }
        if kind in flow:
            flow[kind] = {**({"retention": None} if kind == "subscription_cancel" else {}), **deepcopy(asked[kind])}
        if kind == "subscription_update_confirm":
            items = [
                {"id": i["id"], "price": i.get("price"), "quantity": i.get("quantity", 1)} for i in asked[kind]["items"]
            ]
            flow[kind] |= {"discounts": None, "items": items}
        after = {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"} | asked.get(
            "after_completion", {}
        )
        return {"after_completion": after, **flow}

    def _confirmable(self, items: list[Obj], sub: Obj, at: str) -> None:
        for i, item in enumerate(items):
            if item["id"] not in [own["id"] for own in sub["items"]["data"]]:
                raise missing("subscription_item", item["id"], f"{at}[{i}][id]")
            if "price" in item:
                self._get("price", item["price"], f"{at}[{i}][price]")

    # Subscriptions

    def subscription_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("subscription", id)

    def subscription_list(self, form: Obj) -> Obj:
        wanted = form.get("status")
        rows = self._all("subscription")
        if wanted not in ("all", None):
            rows = [
                s for s in rows if s["status"] in {"ended": ("canceled", "incomplete_expired")}.get(wanted, (wanted,))
            ]
        elif wanted is None:
            rows = [s for s in rows if s["status"] not in ("canceled", "incomplete_expired")]
        if price := form.get("price"):
            rows = [s for s in rows if any(i["price"]["id"] == price for i in s["items"]["data"])]
        return self._list(
            "subscription", "/v1/subscriptions", {k: v for k, v in form.items() if k not in ("status", "price")}, rows
        )

    def subscription_update(self, form: Obj, id: str) -> Obj:
        only(form, "cancel_at_period_end", "cancel_at", "cancellation_details", "items", "metadata", "description", "proration_behavior", "payment_behavior")  # fmt: skip
        sub = self._get("subscription", id)
        if sub["status"] == "canceled":
            raise missing("subscription", id, "id")
        before = deepcopy(sub)
        if {"cancel_at_period_end", "cancel_at"} & form.keys():
            self._plan_cancel(sub, form)
        sub["description"] = form.get("description", sub["description"]) or None
        sub["metadata"] = merged(sub["metadata"], form["metadata"]) if "metadata" in form else sub["metadata"]
        sub["cancellation_details"] |= form.get("cancellation_details", {})
        if "items" in form:
            self._update_items(sub, form, before)
        elif changes(before, sub):
            self._emit("customer.subscription.updated", sub, before)
        return sub

    def _plan_cancel(self, sub: Obj, form: Obj) -> None:
        """By the API `cancel_at_period_end` is true and `cancel_at` the period's end; the portal sets only `cancel_at`."""
        if sub["schedule"]:
            raise Refused(f"The subscription is managed by the subscription schedule `{sub['schedule']}`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", param="cancel_at_period_end")  # fmt: skip
        at, flag = form.get("cancel_at"), form.get("cancel_at_period_end", False)
        if at and flag:
            raise Refused("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", code="parameters_exclusive", param="cancel_at")  # fmt: skip
        if flag or at in ("min_period_end", "max_period_end"):
            at = period(sub)[1]
        if at and (not isinstance(at, int) or at <= self.now):
            raise Refused("Invalid timestamp: must be an integer Unix timestamp in the future.", param="cancel_at")
        if at and at > period(sub)[1]:
            raise NotImplementedError("a cancellation later than the running period")
        self._cancel_later(sub, at or None, flag)

    def _cancel_later(self, sub: Obj, at: int | None, flag: bool) -> None:
        sub |= {"cancel_at": at, "cancel_at_period_end": flag, "canceled_at": self.now if at else None}
        sub["cancellation_details"]["reason"] = "cancellation_requested" if at else None

    def _update_items(self, sub: Obj, form: Obj, before: Obj) -> None:
        if len(form["items"]) != 1 or len(sub["items"]["data"]) != 1:
            raise NotImplementedError("a subscription of several items")
        asked, item = form["items"][0], sub["items"]["data"][0]
        only(asked, "id", "price", "quantity")
        if asked.get("id") != item["id"]:
            raise NotImplementedError("another item beside the one there is") if "id" not in asked else missing("subscription_item", asked["id"], "items[0][id]")  # fmt: skip
        price = self._get("price", asked["price"], "items[0][price]") if "price" in asked else item["price"]
        if not price["recurring"] or not price["active"]:
            raise Refused("The price specified is inactive or not recurring. This field only accepts active recurring prices.", param="items[0][price]")  # fmt: skip
        behaviour = form.get("payment_behavior", "allow_incomplete")
        if behaviour == "error_if_incomplete" and self._failing[sub["customer"]]:
            self._failing[sub["customer"]] -= 1
            sub.clear()
            sub.update(before)
            raise Refused(
                DECLINED["message"], status=402, type="card_error", code="card_declined", decline_code="generic_decline"
            )
        if behaviour not in ("allow_incomplete", "error_if_incomplete"):
            raise NotImplementedError(f"payment_behavior {behaviour}")
        self._swap(
            sub,
            price,
            asked.get("quantity", item["quantity"]),
            form.get("proration_behavior", "create_prorations"),
            before,
        )

    def _swap(self, sub: Obj, price: Obj, quantity: int, behaviour: str, before: Obj) -> None:
        """Another price or quantity now: what is unused is given back by the second; another interval begins a new period."""
        item = sub["items"]["data"][0]
        start, end = period(sub)
        share = (end - self.now, end - start)
        old = (item["price"], item["quantity"])
        same = cycle(price) == cycle(old[0])
        lines = []
        if behaviour != "none":
            lines.append(
                self._line(
                    sub,
                    item,
                    *old,
                    (self.now, end),
                    amount=-rounded(old[0]["unit_amount"] * old[1], *share),
                    proration=True,
                )
            )
        item |= {"price": price, "plan": plan(price), "quantity": quantity}
        if not same:
            sub["billing_cycle_anchor"] = self.now
            item |= {"current_period_start": self.now, "current_period_end": after(self.now, price, self.now)}
            lines.append(self._line(sub, item, price, quantity, period(sub)))
        elif behaviour != "none":
            amount = rounded(price["unit_amount"] * quantity, *share)
            lines.append(self._line(sub, item, price, quantity, (self.now, end), amount=amount, proration=True))
        if same and behaviour == "create_prorations":
            self._pending.setdefault(sub["id"], []).extend(lines)
            lines = []
        if not lines:
            self._emit("customer.subscription.updated", sub, before)
            return
        invoice = self._invoice(sub["customer"], lines, "subscription_update", sub=sub)
        self._emit("customer.subscription.updated", sub, before)
        self._emit("invoice.created", invoice)
        self._finalize(invoice)
        if invoice["status"] == "open":
            self._attempt(invoice)

    def subscription_cancel(self, form: Obj, id: str) -> Obj:
        only(form, "cancellation_details", "invoice_now", "prorate")
        if form.get("invoice_now") or form.get("prorate"):
            raise NotImplementedError("a final invoice or a credit on cancelling")
        sub = self._get("subscription", id)
        if sub["status"] == "canceled":
            raise missing("subscription", id, "id")
        sub["cancellation_details"] |= form.get("cancellation_details", {})
        return self._end(sub, "cancellation_requested")

    def _end(self, sub: Obj, reason: str) -> Obj:
        """For good. What was due on it is no longer collected by itself, yet stays open."""
        if sub["schedule"]:
            schedule = self._objects[sub["schedule"]]
            self._set(
                "subscription_schedule.canceled", schedule, status="canceled", canceled_at=self.now, current_phase=None
            )
        for invoice in self._all("invoice"):
            if subscription_of(invoice) == sub["id"] and invoice["status"] in ("draft", "open"):
                invoice |= {"auto_advance": False, "next_payment_attempt": None, "automatically_finalizes_at": None}
        sub["cancellation_details"]["reason"] = sub["cancellation_details"]["reason"] or reason
        sub |= {
            "status": "canceled",
            "ended_at": self.now,
            "canceled_at": sub["canceled_at"] or self.now,
            "schedule": None,
        }
        self._emit("customer.subscription.deleted", sub)
        return sub

    def subscription_schedule_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("subscription_schedule", id)

    def subscription_schedule_list(self, form: Obj) -> Obj:
        return self._list("subscription_schedule", "/v1/subscription_schedules", form)

    def subscription_schedule_release(self, form: Obj, id: str) -> Obj:
        schedule = self._get("subscription_schedule", id)
        if schedule["status"] != "active":
            raise Refused(
                f"You cannot release a subscription schedule that is currently in the `{schedule['status']}` status."
            )
        self._release(schedule)
        return schedule

    def _release(self, schedule: Obj) -> None:
        sub = self._objects[schedule["subscription"]]
        self._set("subscription_schedule.released", schedule, status="released", released_at=self.now, released_subscription=sub["id"], subscription=None, current_phase=None)  # fmt: skip
        self._set("customer.subscription.updated", sub, schedule=None)

    # Invoices and their payments

    def invoice_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("invoice", id)

    def invoice_list(self, form: Obj) -> Obj:
        return self._list("invoice", "/v1/invoices", form)

    def invoice_list_lines(self, form: Obj, id: str) -> Obj:
        return self._list(
            "line_item", f"/v1/invoices/{id}/lines", form, self._get("invoice", id)["lines"]["data"][::-1]
        )

    def invoice_payment_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("invoice_payment", id)

    def invoice_payment_list(self, form: Obj) -> Obj:
        if "payment" in form:
            if "payment_intent" not in form["payment"]:
                raise Refused(
                    "Missing required param: payment[payment_intent].",
                    code="parameter_missing",
                    param="payment[payment_intent]",
                )
            self._get("payment_intent", form["payment"]["payment_intent"], "payment[payment_intent]")
            form = {**form, "payment": form["payment"]["payment_intent"]}
        return self._list("invoice_payment", "/v1/invoice_payments", form)

    def payment_intent_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("payment_intent", id)

    def charge_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("charge", id)

    def charge_list(self, form: Obj) -> Obj:
        return self._list("charge", "/v1/charges", form)

    def _line(self, sub: Obj | None, item: Obj | None, price: Obj, quantity: int, span: tuple[int, int], *, amount: int | None = None, proration: bool = False) -> Obj:  # fmt: skip
        """One line of an invoice; without an amount it is the price times the quantity."""
        amount = price["unit_amount"] * quantity if amount is None else amount
        name = self._objects[price["product"]]["name"]
        parent: Obj = {"invoice_item_details": None, "subscription_item_details": None}
        details: Obj = {"invoice_item": self._new("ii") if proration or not sub else None, "proration": proration, "proration_details": {"credited_items": None}, "subscription": sub and sub["id"]}  # fmt: skip
        if amount < 0 and sub:  # it says which lines it takes back
            paid = self._objects[sub["latest_invoice"]]
            details["proration_details"] = {
                "credited_items": {
                    "invoice": paid["id"],
                    "invoice_line_items": [each["id"] for each in paid["lines"]["data"]],
                }
            }
        if sub and item:
            parent |= {
                "type": "subscription_item_details",
                "subscription_item_details": details | {"subscription_item": item["id"]},
            }
        else:
            parent |= {"type": "invoice_item_details", "invoice_item_details": details}
        text = f"{'Unused' if amount < 0 else 'Remaining'} time on {name}" if proration else f"{quantity} × {name}"
        return {
            "id": self._new("il"), "object": "line_item", "amount": amount, "currency": price["currency"], "description": text, "discount_amounts": [],
            "discountable": not proration, "discounts": [], "invoice": None, "livemode": False, "metadata": dict(sub["metadata"]) if sub else {},
            "parent": parent, "period": {"start": span[0], "end": span[1]}, "pretax_credit_amounts": [],
            "pricing": {"price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"]},
            "quantity": quantity, "quantity_decimal": str(quantity), "subtotal": amount, "taxes": [],
        }  # fmt: skip

    def _invoice(self, customer: str, lines: list[Obj], reason: str, *, sub: Obj | None = None, span: tuple[int, int] | None = None, metadata: Obj | None = None, free: bool = False) -> Obj:  # fmt: skip
        """A draft, not yet said; of a subscription it is from now on the latest invoice."""
        person = self._objects[customer]
        start, end = span or (self.now, self.now)
        parent = sub and {"quote_details": None, "subscription_details": {"metadata": dict(sub["metadata"]), "subscription": sub["id"]}, "type": "subscription_details"}  # fmt: skip
        discounts = [{"amount": line["amount"], "discount": "di_0001"} for line in lines] if free else []
        for line, discount in zip(lines, discounts):
            line["discount_amounts"] = [discount]
        made = self._put("invoice", "in", {
            "account_country": "US", "account_name": None, "account_tax_ids": None, "amount_overpaid": 0, "amount_paid": 0, "amount_shipping": 0,
            "application": None, "attempt_count": 0, "attempted": False, "auto_advance": True, "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
            "automatically_finalizes_at": None, "billing_reason": reason, "collection_method": "charge_automatically", "currency": lines[0]["currency"],
            "custom_fields": None, "customer": customer, "customer_account": None, "customer_address": None, "customer_email": person["email"],
            "customer_name": person["name"], "customer_phone": None, "customer_shipping": None, "customer_tax_exempt": "none", "customer_tax_ids": [],
            "default_payment_method": None, "default_source": None, "default_tax_rates": [], "description": None, "discounts": ["di_0001"] if free else [],
            "due_date": None, "effective_at": None, "ending_balance": None, "footer": None, "from_invoice": None, "hosted_invoice_url": None, "invoice_pdf": None,
            "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None, "metadata": merged({}, metadata),
            "next_payment_attempt": None, "number": None, "on_behalf_of": None, "parent": parent,
            "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None}, "period_end": end,
            "period_start": start, "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "receipt_number": None, "rendering": None,
            "shipping_cost": None, "shipping_details": None, "starting_balance": person.get("balance", 0), "statement_descriptor": None, "status": "draft",
            "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
            "subtotal": sum(line["amount"] for line in lines), "test_clock": None, "total_discount_amounts": discounts, "total_pretax_credit_amounts": [],
            "total_taxes": [], "webhooks_delivered_at": None,
        })  # fmt: skip
        for line in lines:
            line["invoice"] = made["id"]
        total = made["subtotal"] - sum(d["amount"] for d in discounts)
        due = max(0, total + made["starting_balance"])
        made |= {
            "lines": embedded(f"/v1/invoices/{made['id']}/lines", lines),
            "total": total,
            "amount_due": due,
            "amount_remaining": due,
        }
        made |= {"subtotal_excluding_tax": made["subtotal"], "total_excluding_tax": total}
        if sub:
            sub["latest_invoice"] = made["id"]
        return made

    def _finalize(self, invoice: Obj) -> None:
        """Numbered and open; a credit goes to the customer's balance, and what needs no money is paid with that."""
        before, customer = deepcopy(invoice), self._objects[invoice["customer"]]
        number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1
        balance = customer["balance"] + invoice["total"] if invoice["total"] + customer["balance"] < 0 else 0
        due = max(0, invoice["total"] + customer["balance"])
        url = f"https://invoice.stripe.com/i/acct_test/{invoice['id']}"
        invoice |= {
            "number": number,
            "status": "open",
            "effective_at": self.now,
            "hosted_invoice_url": url,
            "invoice_pdf": f"{url}/pdf",
        }
        invoice |= {"starting_balance": customer["balance"], "ending_balance": balance, "amount_due": due, "amount_remaining": due, "automatically_finalizes_at": None}  # fmt: skip
        invoice["status_transitions"]["finalized_at"] = self.now
        customer["balance"] = balance
        self._emit("invoice.finalized", invoice, before)
        if not due:
            self._settle(invoice, None, None)

    def _intent(
        self, customer: str | None, amount: int, currency: str, description: str | None, metadata: Obj | None = None
    ) -> Obj:
        id = self._new("pi")
        return self._put("payment_intent", "pi", {
            "amount": amount, "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0, "application": None, "application_fee_amount": None,
            "automatic_payment_methods": None, "canceled_at": None, "cancellation_reason": None, "capture_method": "automatic",
            "client_secret": f"{id}_secret_test", "confirmation_method": "automatic", "currency": currency, "customer": customer, "customer_account": None,
            "description": description, "excluded_payment_method_types": None, "last_payment_error": None, "latest_charge": None,
            "metadata": merged({}, metadata), "next_action": None, "on_behalf_of": None, "payment_method": None,
            "payment_method_configuration_details": None, "payment_method_options": {}, "payment_method_types": ["card"], "processing": None,
            "receipt_email": None, "review": None, "setup_future_usage": None, "shipping": None, "source": None, "statement_descriptor": None,
            "statement_descriptor_suffix": None, "status": "requires_payment_method", "transfer_data": None, "transfer_group": None,
        }, id=id)  # fmt: skip

    def _charge(self, intent: Obj, works: bool) -> Obj:
        """One try on the card. Not yet said: the events come once all that follows from it is written down."""
        outcome = {"advice_code": None, "network_advice_code": None, "network_decline_code": None, "network_status": "approved_by_network", "reason": None, "risk_level": "normal", "seller_message": "Payment complete.", "type": "authorized"}  # fmt: skip
        refused = {"network_status": "declined_by_network", "reason": "generic_decline", "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined"}  # fmt: skip
        person = self._objects.get(intent["customer"] or "", {})
        charge = self._put("charge", "ch", {
            "amount": intent["amount"], "amount_captured": intent["amount"] * works, "amount_refunded": 0, "application": None, "application_fee": None,
            "application_fee_amount": None, "balance_transaction": self._new("txn") if works else None,
            "billing_details": {"address": None, "email": person.get("email"), "name": person.get("name"), "phone": None, "tax_id": None},
            "calculated_statement_descriptor": "STRIPE", "captured": works, "currency": intent["currency"], "customer": intent["customer"],
            "description": intent["description"], "disputed": False, "failure_balance_transaction": None,
            "failure_code": None if works else DECLINED["code"], "failure_message": None if works else DECLINED["message"], "fraud_details": {},
            "metadata": dict(intent["metadata"]), "on_behalf_of": None, "outcome": outcome | ({} if works else refused), "paid": works,
            "payment_intent": intent["id"], "payment_method": self._new("pm"),
            "payment_method_details": {"card": {"brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "funding": "credit", "last4": "4242", "network": "visa"}, "type": "card"},
            "receipt_email": None, "receipt_number": None, "receipt_url": None, "refunded": False, "review": None, "shipping": None, "source": None,
            "source_transfer": None, "statement_descriptor": None, "statement_descriptor_suffix": None, "status": "succeeded" if works else "failed",
            "transfer_data": None, "transfer_group": None,
        })  # fmt: skip
        intent["latest_charge"] = charge["id"]
        if works:
            intent |= {
                "status": "succeeded",
                "amount_received": intent["amount"],
                "payment_method": charge["payment_method"],
                "last_payment_error": None,
            }
        else:
            intent["last_payment_error"] = DECLINED | {"charge": charge["id"]}
        return charge

    def _link(self, invoice: Obj, intent: Obj) -> Obj:
        return self._put("invoice_payment", "inpay", {
            "amount_paid": None, "amount_requested": invoice["amount_due"], "currency": invoice["currency"], "invoice": invoice["id"], "is_default": True,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"}, "status": "open", "status_transitions": {"canceled_at": None, "paid_at": None},
        })  # fmt: skip

    def _attempt(self, invoice: Obj) -> bool:
        """Stripe charges the customer's card for an open invoice."""
        links = self._all("invoice_payment", invoice=invoice["id"])
        if links:
            intent = self._objects[links[0]["payment"]["payment_intent"]]
        else:
            text = "Subscription update" if invoice["billing_reason"] != "manual" else None
            intent = self._intent(invoice["customer"], invoice["amount_due"], invoice["currency"], text)
            self._link(invoice, intent)
            self._emit("payment_intent.created", intent)
        works = self._luck(invoice["customer"])
        charge = self._charge(intent, works)
        if works:
            self._settle(invoice, intent, charge)
        else:
            self._fail(invoice, intent, charge)
        return works

    def _luck(self, customer: str | None) -> bool:
        if not customer or not self._failing[customer]:
            return True
        self._failing[customer] -= 1
        return False

    def _settle(self, invoice: Obj, intent: Obj | None, charge: Obj | None) -> None:
        """Paid: by this charge, or for nothing when nothing is due."""
        before, due = deepcopy(invoice), invoice["amount_due"]
        invoice |= {"status": "paid", "attempted": True, "attempt_count": invoice["attempt_count"] + bool(intent), "amount_paid": due, "amount_remaining": 0, "auto_advance": False, "next_payment_attempt": None}  # fmt: skip
        invoice["status_transitions"]["paid_at"] = self.now
        links = self._all("invoice_payment", invoice=invoice["id"])
        for link in links:
            link |= {"status": "paid", "amount_paid": due}
            link["status_transitions"]["paid_at"] = self.now
        self._emit("invoice.updated", invoice, before)
        self._emit("invoice.paid", invoice)
        self._emit("invoice.payment_succeeded", invoice)
        for link in links:
            self._emit("invoice_payment.paid", link)
        if intent and charge:
            self._emit("payment_intent.succeeded", intent)
            self._emit("charge.succeeded", charge)
        sub = self._objects.get(subscription_of(invoice) or "")
        if sub and sub["status"] in ("past_due", "unpaid") and sub["latest_invoice"] == invoice["id"]:
            self._set("customer.subscription.updated", sub, status="active")

    def _fail(self, invoice: Obj, intent: Obj, charge: Obj) -> None:
        """Tried again some days later; after the last try the account's setting says what becomes of the subscription."""
        tried, sub = invoice["attempt_count"], self._objects.get(subscription_of(invoice) or "")
        first = self.now if not tried else min(c["created"] for c in self._all("charge", payment_intent=intent["id"]))
        again = first + self.retry_days[tried] * DAY if tried < len(self.retry_days) else None
        before = deepcopy(invoice)
        invoice |= {
            "attempted": True,
            "attempt_count": tried + 1,
            "next_payment_attempt": again,
            "auto_advance": again is not None,
        }
        self._emit("charge.failed", charge)
        self._emit("payment_intent.payment_failed", intent)
        self._emit("invoice.updated", invoice, before)
        self._emit("invoice.payment_failed", invoice)
        if not sub or sub["status"] not in LIVE:
            return
        if again is None and self.after_retries == "canceled":
            self._end(sub, "payment_failed")
        elif (status := "past_due" if again is not None else self.after_retries) != sub["status"]:
            self._set("customer.subscription.updated", sub, status=status)

    # Refunds, disputes, events

    def refund_create(self, form: Obj) -> Obj:
        only(form, "charge", "payment_intent", "amount", "reason", "metadata")
        if ("charge" in form) == ("payment_intent" in form):
            raise Refused(
                "You must pass exactly one of charge or payment_intent.", code="parameter_missing", param="charge"
            )
        id = (
            form.get("charge") or self._get("payment_intent", form["payment_intent"], "payment_intent")["latest_charge"]
        )
        if not id or (charge := self._get("charge", id, "charge"))["status"] != "succeeded":
            raise Refused(
                f"This PaymentIntent ({form.get('payment_intent')}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        left = charge["amount"] - charge["amount_refunded"]
        lost = [d for d in self._all("dispute", charge=id) if d["status"] != "won"]
        if lost:
            raise Refused(f"Charge {id} has been charged back; cannot issue a refund.", code="charge_disputed")
        if not left:
            raise Refused(f"Charge {id} has already been refunded.", code="charge_already_refunded")
        if not 0 < (amount := form.get("amount", left)) <= left:
            raise Refused(
                f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge (${left / 100:.2f})",
                param="amount",
            )
        return self._refund(charge, amount, form)

    def _refund(self, charge: Obj, amount: int, form: Obj) -> Obj:
        card = {
            "reference": None,
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
        refund = self._put("refund", "re", {
            "amount": amount, "balance_transaction": self._new("txn"), "charge": charge["id"], "currency": charge["currency"], "customer": charge["customer"],
            "destination_details": {"card": card, "type": "card"}, "metadata": merged({}, form.get("metadata")), "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"], "reason": form.get("reason"), "receipt_number": None, "source_transfer_reversal": None,
            "status": "succeeded", "transfer_reversal": None,
        }, livemode=False)  # fmt: skip
        total = charge["amount_refunded"] + amount
        self._set("charge.refunded", charge, amount_refunded=total, refunded=total == charge["amount"])
        self._emit("refund.created", refund)
        self._set("refund.updated", refund, destination_details={"card": card | {"reference_status": "available", "reference": "7" * 23}, "type": "card"})  # fmt: skip
        return refund

    def refund_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("refund", id)

    def refund_list(self, form: Obj) -> Obj:
        return self._list("refund", "/v1/refunds", form)

    def dispute_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("dispute", id)

    def dispute_list(self, form: Obj) -> Obj:
        return self._list("dispute", "/v1/disputes", form)

    def event_retrieve(self, form: Obj, id: str) -> Obj:
        return self._get("event", id)

    def event_list(self, form: Obj) -> Obj:
        wanted = form.pop("types", None) or [form.pop("type", "*")]
        rows = [e for e in self.events if any(fnmatch(e["type"], want) for want in wanted)]
        return self._list("event", "/v1/events", form, rows)

    # What people do on Stripe's pages

    @locked
    def pay(self, session_id: str, works: bool = True, free: bool = False) -> Obj:
        """The person presses Pay. Declined (works=False, or fail_next) the session stays open; free: a promotion code of 100 %."""
        session = self._objects[session_id]
        if session["status"] != "open":
            raise ValueError(f"This Checkout Session is {session['status']}.")
        customer, made = self._payer(session)
        if free:
            cut = session["amount_subtotal"]
            session["total_details"] |= {"amount_discount": cut}
            session["amount_total"] = 0
        intent = None if not session["amount_total"] else self._session_intent(session, customer)
        charge = None
        if intent:
            charge = self._charge(intent, works and self._luck(customer))
            if charge["status"] == "failed":
                self.declined.add(session_id)
                self._emit("charge.failed", charge)
                self._emit("payment_intent.payment_failed", intent)
                return session
        if made:
            self._emit("customer.created", self._objects[str(customer)])
        if session["mode"] == "subscription":
            self._start(session, str(customer), intent, charge, free)
        else:
            self._sell(session, customer, intent, charge, free)
        person_ = self._objects.get(customer or "", {})
        status = "paid" if intent else "no_payment_required"
        session |= {"status": "complete", "payment_status": status, "customer": customer, "url": None, "customer_details": person(person_ or session["customer_details"] or {})}  # fmt: skip
        self._emit("checkout.session.completed", session)
        return session

    def _payer(self, session: Obj) -> tuple[str | None, bool]:
        """The customer, whom Checkout makes where it needs one."""
        if session["customer"]:
            return session["customer"], False
        plans = self._plans[session["id"]]
        if (
            session["mode"] == "payment"
            and not plans["invoice_creation"].get("enabled")
            and session["customer_creation"] != "always"
        ):
            return None, False
        if "customer" not in plans:
            email = session["customer_email"] or "payer@example.com"
            plans["customer"] = self._customer({"email": email, "name": "Test Payer"})["id"]
        return plans["customer"], True

    def _session_intent(self, session: Obj, customer: str | None) -> Obj:
        """One for all tries of a session."""
        plans = self._plans[session["id"]]
        if "intent" not in plans:
            data = plans["payment_intent_data"]
            text = data.get("description") or ("Subscription creation" if session["mode"] == "subscription" else None)
            plans["intent"] = self._intent(
                customer, session["amount_total"], session["currency"], text, data.get("metadata")
            )["id"]
            self._emit("payment_intent.created", self._objects[plans["intent"]])
        if session["mode"] == "payment":
            session["payment_intent"] = plans["intent"]
        return self._objects[plans["intent"]]

    def _start(self, session: Obj, customer: str, intent: Obj | None, charge: Obj | None, free: bool) -> None:
        """The subscription begins incomplete and is active once its first invoice is paid."""
        sub = self._subscription(session, customer)
        lines = [self._line(sub, i, i["price"], i["quantity"], period(sub)) for i in sub["items"]["data"]]
        invoice = self._invoice(customer, lines, "subscription_create", sub=sub, free=free)
        self._emit("customer.subscription.created", sub)
        self._bill(invoice, intent, charge)
        fields = {"status": "active", "default_payment_method": charge["payment_method"] if charge else self._new("pm")}
        self._set("customer.subscription.updated", sub, **fields)
        self._objects[customer]["currency"] = sub["currency"]
        session |= {"subscription": sub["id"], "invoice": invoice["id"]}

    def _bill(self, invoice: Obj, intent: Obj | None, charge: Obj | None) -> None:
        if intent:
            self._link(invoice, intent)
        self._emit("invoice.created", invoice)
        self._finalize(invoice)
        if intent and intent["amount"] != invoice["amount_due"]:
            raise NotImplementedError("a credit balance at Checkout")
        if intent and charge:
            self._settle(invoice, intent, charge)

    def _sell(self, session: Obj, customer: str | None, intent: Obj | None, charge: Obj | None, free: bool) -> None:
        asked = self._plans[session["id"]]["invoice_creation"]
        if asked.get("enabled"):
            lines = [
                self._line(None, None, i["price"], i["quantity"], (self.now, self.now))
                for i in self._lines[session["id"]]
            ]
            invoice = self._invoice(
                str(customer), lines, "manual", metadata=asked.get("invoice_data", {}).get("metadata"), free=free
            )
            self._bill(invoice, intent, charge)
            session["invoice"] = invoice["id"]
        elif intent and charge:
            self._emit("payment_intent.succeeded", intent)
            self._emit("charge.succeeded", charge)

    def _subscription(self, session: Obj, customer: str) -> Obj:
        data, lines = self._plans[session["id"]]["subscription_data"], self._lines[session["id"]]
        if len({cycle(line["price"]) for line in lines}) > 1:
            raise NotImplementedError("a subscription of several intervals")
        id = self._new("sub")
        end = after(self.now, lines[0]["price"], self.now)
        items = [{
            "id": self._new("si"), "object": "subscription_item", "billing_thresholds": None, "created": self.now, "current_period_start": self.now,
            "current_period_end": end, "discounts": [], "metadata": {}, "plan": plan(line["price"]), "price": line["price"], "quantity": line["quantity"],
            "subscription": id, "tax_rates": [],
        } for line in lines]  # fmt: skip
        return self._put("subscription", "sub", {
            "application": None, "application_fee_percent": None, "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": self.now, "billing_cycle_anchor_config": None, "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
            "billing_schedules": [], "billing_thresholds": None, "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None}, "collection_method": "charge_automatically",
            "currency": session["currency"], "customer": customer, "customer_account": None, "days_until_due": None, "default_payment_method": None,
            "default_source": None, "default_tax_rates": [], "description": data.get("description"), "discounts": [], "ended_at": None,
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "items": embedded(f"/v1/subscription_items?subscription={id}", items), "latest_invoice": None, "metadata": merged({}, data.get("metadata")),
            "next_pending_invoice_item_invoice": None, "on_behalf_of": None, "pause_collection": None,
            "payment_settings": {"payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off"},
            "pending_invoice_item_interval": None, "pending_setup_intent": None, "pending_update": None, "schedule": None, "start_date": self.now,
            "status": "incomplete", "test_clock": None, "transfer_data": None, "trial_end": None,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}}, "trial_start": None,
        }, id=id)  # fmt: skip

    @locked
    def change(self, subscription_id: str, price_id: str) -> Obj:
        """Another price in the portal: dearer at once and paid at once (declined: nothing changes), cheaper or shorter at the renewal.

        The price it has already takes a planned change back.
        """
        sub, price = self._live(subscription_id), self._objects[price_id]
        if sub["cancel_at"]:
            raise ValueError("The portal lets a subscription that is to end be renewed first.")
        old = sub["items"]["data"][0]["price"]
        if sub["schedule"]:
            self._release(self._objects[sub["schedule"]])
        if price is old:
            return sub
        if price["unit_amount"] < old["unit_amount"] or length(price) < length(old):
            self._plan_change(sub, price)
        elif not self._luck(sub["customer"]):
            amount = price["unit_amount"] - old["unit_amount"]
            intent = self._intent(sub["customer"], amount, sub["currency"], "Subscription update")
            self._emit("charge.failed", self._charge(intent, False))
            self._emit("payment_intent.payment_failed", intent)
        else:
            self._swap(sub, price, sub["items"]["data"][0]["quantity"], "always_invoice", deepcopy(sub))
        return sub

    def _plan_change(self, sub: Obj, price: Obj) -> None:
        start, end = period(sub)
        item = sub["items"]["data"][0]
        phases = [
            phase(sub, item["price"], item["quantity"], (start, end)),
            phase(sub, price, item["quantity"], (end, after(end, price, end))),
        ]
        schedule = self._put("subscription_schedule", "sub_sched", {
            "application": None, "billing_mode": deepcopy(sub["billing_mode"]), "canceled_at": None, "completed_at": None,
            "current_phase": {"start_date": start, "end_date": end}, "customer": sub["customer"], "customer_account": None,
            "default_settings": {
                "application_fee_percent": None, "automatic_tax": deepcopy(sub["automatic_tax"]), "billing_cycle_anchor": "automatic", "billing_thresholds": None,
                "collection_method": "charge_automatically", "default_payment_method": None, "description": None,
                "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}}, "on_behalf_of": None, "transfer_data": None,
            },
            "end_behavior": "release", "metadata": {}, "pause_schedules": [], "phases": phases[:1], "released_at": None, "released_subscription": None,
            "status": "active", "subscription": sub["id"], "test_clock": None,
        })  # fmt: skip
        self._emit("subscription_schedule.created", schedule)
        self._set("subscription_schedule.updated", schedule, phases=phases)
        self._set("customer.subscription.updated", sub, schedule=schedule["id"])

    @locked
    def cancel_at_period_end(self, subscription_id: str, yes: bool = True) -> Obj:
        """In the portal. In flexible billing mode that sets `cancel_at`; `cancel_at_period_end` stays false."""
        sub = self._live(subscription_id)
        if sub["schedule"]:
            self._release(self._objects[sub["schedule"]])
        before = deepcopy(sub)
        self._cancel_later(sub, period(sub)[1] if yes else None, False)
        self._emit("customer.subscription.updated", sub, before)
        return sub

    @locked
    def cancel_now(self, subscription_id: str) -> Obj:
        return self._end(self._live(subscription_id), "cancellation_requested")

    def _live(self, id: str) -> Obj:
        if (sub := self._objects[id])["status"] not in LIVE:
            raise ValueError(f"This subscription is {sub['status']}.")
        return sub

    @locked
    def fail_next(self, customer_id: str, times: int = 1) -> None:
        self._failing[customer_id] = times

    @locked
    def refund(self, charge_id: str, amount: int | None = None) -> Obj:
        """In the dashboard."""
        try:
            return self.refund_create({"charge": charge_id} | ({"amount": amount} if amount is not None else {}))
        except Refused as e:
            raise ValueError(str(e)) from None

    @locked
    def fail_refund(self, refund_id: str) -> Obj:
        """The bank could not pass it on; the money is back with us."""
        refund = self._objects[refund_id]
        charge = self._objects[refund["charge"]]
        self._set("refund.failed", refund, status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=self._new("txn"))  # fmt: skip
        self._set(
            "charge.updated", charge, amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False
        )
        return refund

    @locked
    def dispute(self, charge_id: str, reason: str = "fraudulent") -> Obj:
        """The bank takes the whole amount back until it is decided."""
        charge = self._objects[charge_id]
        words = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"  # fmt: skip
        dispute = self._put("dispute", "du", {
            "amount": charge["amount"], "balance_transactions": [], "charge": charge_id, "currency": charge["currency"], "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(words.split()) | {"enhanced_evidence": {}},
            "evidence_details": {"due_by": self.now + 7 * DAY, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0, "submission_method": "not_submitted"},
            "is_charge_refundable": False, "metadata": {}, "payment_intent": charge["payment_intent"],
            "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "10.4"}, "type": "card"},
            "reason": reason, "status": "needs_response",
        })  # fmt: skip
        charge["disputed"] = True
        self._emit("charge.dispute.created", dispute)
        self._set(
            "charge.dispute.funds_withdrawn",
            dispute,
            balance_transactions=[self._moved(dispute, -dispute["amount"], 1500)],
        )
        return dispute

    @locked
    def close_dispute(self, dispute_id: str, won: bool) -> Obj:
        dispute = self._objects[dispute_id]
        self._set("charge.dispute.closed", dispute, status="won" if won else "lost")
        if won:
            back = self._moved(dispute, dispute["amount"], 0)
            self._set(
                "charge.dispute.funds_reinstated",
                dispute,
                balance_transactions=[*dispute["balance_transactions"], back],
            )
        return dispute

    def _moved(self, dispute: Obj, amount: int, fee: int) -> Obj:
        fees = [
            {
                "amount": fee,
                "application": None,
                "currency": dispute["currency"],
                "description": "Dispute fee",
                "type": "stripe_fee",
            }
        ]
        return {
            "id": self._new("txn"), "object": "balance_transaction", "amount": amount, "available_on": self.now, "balance_type": "payments", "created": self.now,
            "currency": dispute["currency"], "description": f"Chargeback for {dispute['charge']}", "exchange_rate": None, "fee": fee,
            "fee_details": fees if fee else [], "net": amount - fee, "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
            "source": dispute["id"], "status": "available", "type": "adjustment",
        }  # fmt: skip

    @locked
    def unknown_event(self) -> Obj:
        """Of a type that nothing here handles."""
        return self._emit("balance.available", {"object": "balance", "available": [], "livemode": False, "pending": []})

    # Time

    @locked
    def advance(self, seconds: int = 0, *, until: int | None = None) -> None:
        """The clock moves on, stopping wherever something is due."""
        target = self.now + seconds if until is None else until
        while (due := self._due()) and due[0] <= target:
            self.now = max(self.now, due[0])
            due[1](due[2])
        self.now = max(self.now, target)

    def _due(self) -> tuple[int, Callable[[Obj], Any], Obj] | None:
        waiting: list[tuple[int, Callable[[Obj], Any], Obj]] = []
        for sub in self._all("subscription"):
            if sub["status"] in LIVE:
                waiting.append((min(period(sub)[1], sub["cancel_at"] or period(sub)[1]), self._turn, sub))
        for invoice in self._all("invoice"):
            if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
                waiting.append((invoice["automatically_finalizes_at"], self._collect, invoice))
            elif invoice["status"] == "open" and invoice["next_payment_attempt"]:
                waiting.append((invoice["next_payment_attempt"], self._attempt, invoice))
        waiting += [(s["expires_at"], self._expire, s) for s in self._all("checkout.session", status="open")]
        return min(waiting, key=lambda w: w[0], default=None)

    def _turn(self, sub: Obj) -> None:
        """A period is over: the subscription ends as asked, or the next period begins with a draft of its invoice."""
        if sub["cancel_at"] and sub["cancel_at"] <= self.now:
            self._end(sub, "cancellation_requested")
            return
        before, (start, end) = deepcopy(sub), period(sub)
        self._next_phase(sub)
        for item in sub["items"]["data"]:
            item |= {
                "current_period_start": end,
                "current_period_end": after(sub["billing_cycle_anchor"], item["price"], end),
            }
        lines = [
            *self._pending.pop(sub["id"], []),
            *(self._line(sub, i, i["price"], i["quantity"], period(sub)) for i in sub["items"]["data"]),
        ]
        invoice = self._invoice(sub["customer"], lines, "subscription_cycle", sub=sub, span=(start, end))
        invoice |= {
            "automatically_finalizes_at": self.now + self.draft_for,
            "next_payment_attempt": self.now + self.draft_for,
        }
        self._emit("customer.subscription.updated", sub, before)
        self._emit("invoice.created", invoice)

    def _next_phase(self, sub: Obj) -> None:
        """A planned price begins; after its one cycle the schedule lets the subscription go."""
        if not sub["schedule"]:
            return
        schedule, item = self._objects[sub["schedule"]], sub["items"]["data"][0]
        planned = schedule["phases"][-1]
        if self.now >= planned["end_date"]:
            self._set("subscription_schedule.released", schedule, status="released", released_at=self.now, released_subscription=sub["id"], subscription=None, current_phase=None)  # fmt: skip
            sub["schedule"] = None
            return
        price = self._objects[planned["items"][0]["price"]]
        if cycle(price) != cycle(item["price"]):
            sub["billing_cycle_anchor"] = self.now
        item |= {"price": price, "plan": plan(price)}
        self._set("subscription_schedule.updated", schedule, current_phase={"start_date": planned["start_date"], "end_date": planned["end_date"]})  # fmt: skip

    def _collect(self, invoice: Obj) -> None:
        self._finalize(invoice)
        if invoice["status"] == "open":
            self._attempt(invoice)

    # Webhooks

    def flush(self, post: Callable[[Obj], Any]) -> None:
        """Hands every event not yet delivered to `post`, in order; what it answers False (or raises) stays in `undelivered`.

        The lock is not held meanwhile: who is told may ask the API.
        """
        with self._delivering:
            with self.lock:
                waiting = [*self.undelivered, *self.events[self._flushed :]]
                self.undelivered, self._flushed = list(waiting), len(self.events)
            for event in waiting:
                if post(deepcopy(event)) is not False:
                    with self.lock:
                        self.undelivered.remove(event)
                        event["pending_webhooks"] = 0


class DoubleClient(stripe.HTTPClient):
    """The library's way to a FakeStripe in this process: stripe.StripeClient(key, http_client=DoubleClient(fake))."""

    name = "double"

    def __init__(self, fake: FakeStripe) -> None:
        super().__init__()
        self.fake = fake

    def request(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None) -> tuple[str, int, Mapping[str, str]]:  # fmt: skip
        if self.fake.down:
            raise stripe.APIConnectionError("Unexpected error communicating with Stripe.", should_retry=False)
        where = urlsplit(url)
        path = where.path + (f"?{where.query}" if where.query else "")
        status, more, said = self.fake.answer(method, path, headers or {}, post_data)
        return said, status, more

    def close(self) -> None:
        pass


def signed(event: Obj, secret: str, at: int | None = None) -> tuple[bytes, str]:
    """A webhook's body and its Stripe-Signature header, of real time unless said: the library compares with the real clock."""
    body = json.dumps(event, indent=2).encode()
    t = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={t},v1={mac}"


def decode(text: str) -> Obj:
    """a[b][0][c]=d to nested dicts and lists; metadata's keys stay words even where they are digits."""
    form: Obj = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        node, steps = form, [first, *rest]
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise Refused("Invalid request: a parameter is both a value and an object.", param=first)
        node[steps[-1] or str(len(node))] = value
    return {k: listed(v, k) for k, v in form.items()}


def listed(node: Any, name: str) -> Any:
    if not isinstance(node, dict):
        return node
    if node and name != "metadata" and all(k.isdigit() for k in node):
        return [listed(node[k], "") for k in sorted(node, key=int)]
    return {k: listed(v, k) for k, v in node.items()}


def only(form: Obj, *known: str) -> None:
    """What Stripe would take and the double does not model must not pass unseen."""
    if unknown := form.keys() - {*known, "expand"}:
        raise NotImplementedError(f"the double does not model {', '.join(sorted(unknown))}")


def missing(kind: str, id: str, param: str) -> Refused:
    word = {
        "checkout.session": "checkout.session",
        "payment_intent": "payment_intent",
        "subscription_item": "subscription item",
    }.get(kind, kind)
    return Refused(
        f"No such {word}: '{id}'", status=404 if param == "id" else 400, code="resource_missing", param=param
    )


def embedded(url: str, rows: list[Obj]) -> Obj:
    return {"object": "list", "data": rows, "has_more": False, "url": url}


def dig(node: Any, path: str) -> Any:
    for step in path.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def matches(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, list) else value == wanted


def within(created: int, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return wanted is None or created == wanted
    tests = {"gt": created.__gt__, "gte": created.__ge__, "lt": created.__lt__, "lte": created.__le__}
    return all(tests[k](v) for k, v in wanted.items())


def merged(old: Obj, new: Any) -> Obj:
    """Metadata: an empty value takes a key away, an empty string all of them."""
    return (
        {k: v for k, v in {**old, **new}.items() if v != ""}
        if isinstance(new, dict)
        else ({} if new == "" else dict(old))
    )


def changes(before: Obj, now: Obj) -> Obj:
    """What an event's previous_attributes say: the old values of what differs, hashes by their keys."""
    said = {}
    for key in before.keys() | now.keys():
        old, new = before.get(key), now.get(key)
        if old != new:
            nested = isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list"
            said[key] = changes(old, new) if nested else deepcopy(old)  # type: ignore[arg-type]
    return dict(sorted(said.items()))


def rounded(amount: int, part: int, whole: int) -> int:
    """amount * part / whole to the nearest cent, halves up."""
    return (2 * amount * part + whole) // (2 * whole)


def period(sub: Obj) -> tuple[int, int]:
    item = sub["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def cycle(price: Obj) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def length(price: Obj) -> int:
    """Days, near enough to compare intervals."""
    interval, count = cycle(price)
    return LENGTH[interval] * count


def after(anchor: int, price: Obj, moment: int) -> int:
    """The first turn of the billing cycle later than `moment`: whole intervals from the anchor, its day clamped to the month."""
    interval, count = cycle(price)
    start, n = datetime.fromtimestamp(anchor, UTC), 0
    while True:
        n += count
        if interval in ("day", "week"):
            turn = start + timedelta(days=n * LENGTH[interval])
        else:
            months = start.year * 12 + start.month - 1 + n * (12 if interval == "year" else 1)
            year, month = divmod(months, 12)
            turn = start.replace(
                year=year, month=month + 1, day=min(start.day, calendar.monthrange(year, month + 1)[1])
            )
        if turn.timestamp() > moment:
            return int(turn.timestamp())


def subscription_of(invoice: Obj) -> str | None:
    return dig(invoice, "parent.subscription_details.subscription")


def person(customer: Obj) -> Obj:
    """A session's customer_details."""
    said = dict.fromkeys(
        ("address", "business_name", "email", "individual_name", "name", "phone", "tax_exempt", "tax_ids")
    )
    return said | {k: customer[k] for k in ("email", "name", "phone") if k in customer} | {"tax_exempt": "none"}


def plan(price: Obj) -> Obj:
    """The old face of a recurring price, still on every subscription item."""
    interval, count = cycle(price)
    same = {k: price[k] for k in ("id", "active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname", "product", "tiers_mode")}  # fmt: skip
    return {
        **same, "object": "plan", "amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"], "interval": interval,
        "interval_count": count, "meter": None, "transform_usage": None, "trial_period_days": None, "usage_type": "licensed",
    }  # fmt: skip


def phase(sub: Obj, price: Obj, quantity: int, span: tuple[int, int]) -> Obj:
    item = {"billing_thresholds": None, "discounts": [], "metadata": {}, "plan": price["id"], "price": price["id"], "quantity": quantity, "tax_rates": []}  # fmt: skip
    return {
        "add_invoice_items": [], "application_fee_percent": None, "billing_cycle_anchor": None, "billing_thresholds": None, "collection_method": None,
        "currency": sub["currency"], "default_payment_method": None, "default_tax_rates": [], "description": None, "discounts": [], "end_date": span[1],
        "invoice_settings": None, "items": [item], "metadata": {}, "on_behalf_of": None, "proration_behavior": "none", "start_date": span[0],
        "transfer_data": None, "trial_end": None,
    }  # fmt: skip


def session_fields(form: Obj, mode: str, total: int, currency: str) -> Obj:
    """A new session: what was asked, said back, and null for what only its completion fills."""
    nulls = "after_expiration client_secret collected_information consent currency_conversion customer_account discounts invoice invoice_creation payment_intent payment_link payment_method_configuration_details permissions recovered_from setup_intent shipping_address_collection shipping_cost subscription wallet_options"  # fmt: skip
    echoed = "allow_promotion_codes billing_address_collection cancel_url client_reference_id consent_collection customer customer_creation customer_email integration_identifier locale origin_context payment_method_collection saved_payment_method_options submit_type success_url"  # fmt: skip
    said: Obj = dict.fromkeys(nulls.split()) | {k: form.get(k) for k in echoed.split()}
    tax = form.get("automatic_tax", {}).get("enabled", False)
    said |= {
        "adaptive_pricing": form.get("adaptive_pricing", {"enabled": True}), "amount_subtotal": total, "amount_total": total,
        "automatic_tax": {"enabled": tax, "liability": {"type": "self"} if tax else None, "provider": None, "status": None}, "currency": currency, "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")) | form.get("custom_text", {}),
        "metadata": merged({}, form.get("metadata")), "mode": mode, "payment_method_options": {}, "payment_method_types": form.get("payment_method_types", ["card"]),
        "payment_status": "unpaid", "phone_number_collection": {"enabled": form.get("phone_number_collection", {}).get("enabled", False)}, "shipping_options": [],
        "status": "open", "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": "hosted_page",
    }  # fmt: skip
    if mode == "payment":
        asked = form.get("invoice_creation", {})
        data = dict.fromkeys(
            ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "metadata", "rendering_options")
        )
        said["invoice_creation"] = {
            "enabled": asked.get("enabled", False),
            "invoice_data": data | {"metadata": {}} | asked.get("invoice_data", {}),
        }
        said["customer_creation"] = said["customer_creation"] or (None if said["customer"] else "always" if asked.get("enabled") else "if_required")  # fmt: skip
    else:
        said |= {"customer_creation": None if said["customer"] else "always", "payment_method_collection": said["payment_method_collection"] or "always"}  # fmt: skip
    return said
