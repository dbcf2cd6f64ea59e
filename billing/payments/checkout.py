"""Buying. Users type cards and addresses at Stripe: in Checkout to buy, in the portal to change them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.emails import require_confirmed
from billing import ledger
from billing.models import Invoice, Pack, Plan, StripePrice, Subscription, Wallet
from billing.payments import catalogue, gateway, subscriptions, sync
from billing.payments.gateway import PaymentsNotConfigured
from config.errors import DomainError, Invalid, NotFound, Unavailable
from config.runs.locks import advisory_lock

LOCALES = {"en": "en", "es": "es", "zh-hans": "zh"}


class PaymentOverdue(DomainError):
    code, status = "payment_due", 402
    message = _("A payment for your plan did not work. Pay it first, then change the plan.")


class NoSubscription(DomainError):
    code, status = "no_subscription", 409
    message = _("You have no plan that is paid for. Choose one first.")


def buy(user: Any, *, plan: str = "", interval: str = "month", pack: str = "") -> str:
    """The address of the payment page at Stripe: Checkout, or the portal for a change of plan.

    Raises PaymentsNotConfigured, EmailUnconfirmed, Invalid, PaymentOverdue, Unavailable.
    """
    price = _price(plan=plan, interval=interval, pack=pack)
    require_confirmed(user)
    ledger.wallet_of(user)
    with transaction.atomic():  # locked, as two requests at once would create two customers
        wallet = _locked_wallet(user)
        _with_customer(wallet)
    for _attempt in range(3):
        if price.plan and wallet.checkout:
            _close(wallet.checkout)
        # Two requests at once could buy two plans. The second one closes the session of the first.
        with transaction.atomic():
            wallet = _locked_wallet(user)
            if price.pack or not wallet.checkout:
                current = subscriptions.live_subscription(wallet)
                return _change(wallet, current, price) if price.plan and current else _new(wallet, price)
    raise Unavailable


def lock_purchases(user: Any) -> None:
    """Inside a transaction: lock the purchases of this user until it ends."""
    advisory_lock(f"buy:{user.pk}")


def _locked_wallet(user: Any) -> Wallet:
    """The wallet, for a purchase. Raises NotFound when the account is being erased."""
    lock_purchases(user)
    wallet = Wallet.objects.filter(user=user, user__is_active=True).first()
    if wallet is None:
        raise NotFound
    return wallet


def _price(*, plan: str, interval: str, pack: str) -> StripePrice:
    if bool(plan) == bool(pack):
        raise Invalid(errors={"plan": [str(_("Choose a plan or a pack of credits."))]})
    offered: Any = Pack.objects.filter(code=pack) if pack else Plan.objects.filter(code=plan)
    if not offered.filter(on_sale=True, price_cents__gt=0).exists():
        raise _not_for_sale(pack)
    if not gateway.configured():
        raise PaymentsNotConfigured
    wanted: Any = {"pack": pack} if pack else {"plan": plan, "interval": interval}
    found = StripePrice.objects.filter(current=True, **wanted).select_related("plan", "pack").first()
    if not found:
        raise _not_for_sale(pack)
    return found


def _not_for_sale(pack: str) -> Invalid:
    return Invalid(errors={"pack" if pack else "plan": [str(_("This is not for sale. Choose another."))]})


def _with_customer(wallet: Wallet) -> None:
    """Create the customer at Stripe on the first purchase."""
    if wallet.stripe_customer is None:
        about: Any = {"metadata": {"wallet": str(wallet.id)}}
        if wallet.user.email:  # who signed up by phone may have none
            about["email"] = wallet.user.email
        wallet.stripe_customer = gateway.call(lambda v1: v1.customers.create(about))["id"]
        wallet.save(update_fields=["stripe_customer"])


def _new(wallet: Wallet, price: StripePrice) -> str:
    ask: Any = {
        "customer": wallet.stripe_customer,
        "client_reference_id": str(wallet.id),
        "mode": "subscription" if price.plan else "payment",
        "line_items": [{"price": price.id, "quantity": 1}],
        "allow_promotion_codes": True,
        "tax_id_collection": {"enabled": True},
        "automatic_tax": {"enabled": settings.STRIPE_TAX},
        "customer_update": {"name": "auto", "address": "auto"},
        "locale": LOCALES.get(get_language() or "en", "auto"),
        "success_url": f"{_page()}?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{settings.ORIGIN}{reverse('pricing')}",
    }
    if price.pack:
        ask["invoice_creation"] = {"enabled": True}  # Stripe invoices packs only on request, plans always
    session = gateway.call(lambda v1: v1.checkout.sessions.create(ask))
    if price.plan:
        Wallet.objects.filter(id=wallet.id).update(checkout=session["id"])
    return str(session["url"])


def _close(session: str) -> None:
    """Expire an earlier session, so that two tabs cannot buy two plans. A paid session is applied."""
    try:
        found = gateway.call(lambda v1: v1.checkout.sessions.retrieve(session))
        if found["status"] == "open":
            gateway.call(lambda v1: v1.checkout.sessions.expire(session))
        sync_session(session)
    except NotFound:
        Wallet.objects.filter(checkout=session).update(checkout="")


def _change(wallet: Wallet, current: Subscription, price: StripePrice) -> str:
    if current.status != "active":
        raise PaymentOverdue
    # The user must first cancel a scheduled change, on the portal's start page.
    if current.ends_at or current.next_plan:
        return _portal(wallet)
    item = gateway.call(lambda v1: v1.subscriptions.retrieve(current.id))["items"]["data"][0]
    if item["price"]["id"] == price.id:
        raise Invalid(errors={"plan": [str(_("You have this plan already."))]})
    items = [{"id": item["id"], "price": price.id, "quantity": 1}]
    flow = {
        "type": "subscription_update_confirm",
        "subscription_update_confirm": {"subscription": current.id, "items": items},
    }
    return _portal(wallet, flow)


def manage(user: Any, *, what: str = "") -> str:
    """The address of the portal's start page, or of its page for `payment` (another card) or `cancel`.

    Raises PaymentsNotConfigured, NoSubscription, Unavailable.
    """
    wallet = ledger.wallet_of(user)
    current = subscriptions.live_subscription(wallet)
    if not wallet.stripe_customer or (what == "cancel" and not current):
        raise NoSubscription
    if what == "payment":
        return _portal(wallet, {"type": "payment_method_update"})
    if what == "cancel" and current:
        return _portal(
            wallet, {"type": "subscription_cancel", "subscription_cancel": {"subscription": current.id}}
        )
    return _portal(wallet)


def _portal(wallet: Wallet, flow: dict[str, Any] | None = None) -> str:
    ask: Any = {
        "customer": wallet.stripe_customer,
        "return_url": _page(),
        "locale": LOCALES.get(get_language() or "en", "auto"),
    }
    if ours := catalogue.portal():
        ask["configuration"] = ours
    if flow:
        ask["flow_data"] = {
            **flow,
            "after_completion": {"type": "redirect", "redirect": {"return_url": _page()}},
        }
    return str(gateway.call(lambda v1: v1.billing_portal.sessions.create(ask))["url"])


def returned(user: Any, session: str) -> bool:
    """Apply the Checkout session that the user returns from, maybe before its event. True when it is paid.

    Raises NotFound for another user's session.
    """
    found = gateway.call(lambda v1: v1.checkout.sessions.retrieve(session))
    if not found["customer"] or found["customer"] != ledger.wallet_of(user).stripe_customer:
        raise NotFound
    sync_session(session)
    return bool(found["status"] == "complete" and found["payment_status"] != "unpaid")


def sync_session(session: str) -> bool:
    """Apply the purchase of a Checkout session; False when it is not complete."""
    found = gateway.call(lambda v1: v1.checkout.sessions.retrieve(session))
    done = found["status"] == "complete" and _sync_bought(found)
    if found["status"] != "open":
        Wallet.objects.filter(checkout=session).update(checkout="")
    return done


def _sync_bought(found: dict[str, Any]) -> bool:
    bought = {name: [found[name[:-1]]] for name in ("subscriptions", "invoices") if found[name[:-1]]}
    done = bool(found["customer"]) and sync.sync_customer(found["customer"], **bought)
    if found["payment_intent"]:  # a refund finds its invoice by this id
        Invoice.objects.filter(id=found["invoice"] or "", payment="").update(payment=found["payment_intent"])
    return done


def invoice_address(user: Any, ident: str) -> str:
    """The address of an invoice at Stripe, asked for each time because it changes. Raises NotFound, and what
    the gateway raises."""
    if not Invoice.objects.filter(id=ident, wallet=ledger.wallet_of(user).id).exists():
        raise NotFound
    where = gateway.call(lambda v1: v1.invoices.retrieve(ident))["hosted_invoice_url"]
    if not where:
        raise NotFound
    return str(where)


class NothingToPayBack(DomainError):
    code, status = "nothing_to_pay_back", 409
    message = _("Nothing was paid for this, or it went back already.")


def pay_back(row: Invoice) -> None:
    """Refund what is left of a payment, once, and take its credits back.

    Raises NothingToPayBack, and what the gateway raises.
    """
    sync.sync_payment(row.payment)  # records earlier refunds and disputes first
    row.refresh_from_db()
    if not row.payment or row.refunded + row.disputed >= row.paid:
        raise NothingToPayBack
    ask: Any = {"payment_intent": row.payment, "reason": "requested_by_customer"}
    gateway.call(lambda v1: v1.refunds.create(ask))
    sync.sync_payment(row.payment)


def _page() -> str:
    return f"{settings.ORIGIN}{reverse('billing')}"
