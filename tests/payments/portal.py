"""The customer portal: configurations of what users may change, and sessions, with or without one action.

The changes themselves are in changes.py and subscriptions.py. The account has no default configuration.
"""

from __future__ import annotations

from copy import deepcopy

from .account import LIVE, Account, Obj, missing, needed, only
from .contract import Refused

OFF: Obj = {
    "customer_update": {"enabled": False, "allowed_updates": []},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False},
    "subscription_cancel": {
        "enabled": False,
        "cancellation_reason": {"enabled": False, "options": []},
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"enabled": False, "duration": {"interval_options": [], "type": "indefinite"}},
    "subscription_update": {
        "enabled": False,
        "default_allowed_updates": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update_confirm")


# ---------------------------------------------------------------- configurations


def create_configuration(account: Account, form: Obj) -> Obj:
    only(form, "default_return_url", "features", "metadata")
    update = form["features"].get("subscription_update", {})
    if update.get("enabled"):
        needed(update, "default_allowed_updates", "products", at="features[subscription_update]")
    made = account.put(
        "billing_portal.configuration",
        {
            "active": True,
            "business_profile": {},
            "default_return_url": form.get("default_return_url"),
            "features": _features(form, OFF),
            "is_default": False,
            "login_page": {"enabled": False},
            "metadata": form.get("metadata", {}),
            "updated": account.now,
        },
    )
    account.offers[made["id"]] = _offers(account, form)
    account.emit("billing_portal.configuration.created", made)
    return made


def update_configuration(account: Account, form: Obj, id: str) -> Obj:
    only(form, "default_return_url", "features", "metadata")
    made = account.get("billing_portal.configuration", id)
    offers = _offers(account, form)
    if "products" in form["features"].get("subscription_update", {}):
        account.offers[id] = offers
    fields = form | {"features": _features(form, made["features"]), "updated": account.now}
    return account.update("billing_portal.configuration.updated", made, **fields)


def _features(form: Obj, had: Obj) -> Obj:
    """All features, without the products, which Stripe includes only when they are expanded."""
    asked = {
        name: {k: v for k, v in given.items() if k != "products"} for name, given in form["features"].items()
    }
    return {name: deepcopy(was | asked.get(name, {})) for name, was in had.items()}


def _offers(account: Account, form: Obj) -> list[Obj]:
    """The products that users may change to, each with its prices."""
    offers = form["features"].get("subscription_update", {}).get("products") or []
    for i, offer in enumerate(offers):
        at = f"features[subscription_update][products][{i}]"
        account.get("product", offer["product"], f"{at}[product]")
        for j, id in enumerate(offer["prices"]):
            price = account.get("price", id, f"{at}[prices][{j}]")
            if price["product"] != offer["product"] or not price["recurring"]:
                raise Refused(
                    f"The price `{id}` is not a recurring price of the product `{offer['product']}`.",
                    param=f"{at}[prices][{j}]",
                )
    return deepcopy(offers)


# ---------------------------------------------------------------- sessions


def create_session(account: Account, form: Obj) -> Obj:
    only(form, "customer", "configuration", "return_url", "locale", "flow_data")
    needed(form, "customer")
    account.get("customer", form["customer"], "customer")
    if "configuration" not in form:
        raise Refused(
            "No configuration provided and your test mode default configuration has not been created."
            " Provide a configuration or create your default by saving your customer portal settings in test"
            " mode at https://dashboard.stripe.com/test/settings/billing/portal."
        )
    config = account.get("billing_portal.configuration", form["configuration"], "configuration")
    made = account.put(
        "billing_portal.session",
        {
            "configuration": config["id"],
            "customer": form["customer"],
            "flow": _flow(account, form, config["features"]),
            "return_url": form.get("return_url", config["default_return_url"]),
        },
    )
    made["url"] = f"{account.pages or 'https://billing.stripe.com'}/p/session/{made['id']}"
    account.emit("billing_portal.session.created", made)
    return made


def _flow(account: Account, form: Obj, features: Obj) -> Obj | None:
    """The flow of a session for one action, if the configuration allows this action."""
    if not (asked := form.get("flow_data")):
        return None
    if (kind := asked["type"]) not in FLOWS:
        raise NotImplementedError(f"the portal's flow {kind}")
    about = {}
    if kind != "payment_method_update":
        needed(asked, kind, at="flow_data")
        about = {kind: _subscription(account, form, asked[kind], f"flow_data[{kind}]")}
    feature = kind.removesuffix("_confirm")
    if not features[feature]["enabled"]:
        raise Refused(
            f"This flow cannot be used because the {feature} feature in the portal configuration"
            " is disabled.",
            param="flow_data[type]",
        )
    return {
        "type": kind,
        "after_completion": asked.get("after_completion", {"type": "portal_homepage"}),
        **about,
    }


def _subscription(account: Account, form: Obj, asked: Obj, at: str) -> Obj:
    """Checks that the subscription is the customer's and live, its items its own, and their prices known."""
    sub = account.get("subscription", asked["subscription"], f"{at}[subscription]")
    if sub["customer"] != form["customer"] or sub["status"] not in LIVE:
        raise missing("subscription", sub["id"], f"{at}[subscription]")
    for i, item in enumerate(asked.get("items", [])):
        only(item, "id", "price", "quantity")
        if item["id"] not in [own["id"] for own in sub["items"]["data"]]:
            raise missing("subscription_item", item["id"], f"{at}[items][{i}][id]")
        account.get("price", item["price"], f"{at}[items][{i}][price]")
    return deepcopy(asked)
