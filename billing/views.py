"""The pages of prices, of a user's plan and payments, and of all movements of credits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from billing import ledger, limits, prices
from billing.engines.pricelist import price_list
from billing.models import Invoice, LedgerAccount, Pack, Plan, Transfer, WebhookEvent
from billing.payments import checkout, gateway, subscriptions, webhooks
from billing.serializers import CheckoutForm
from config.errors import DomainError, NotFound
from config.web import problems
from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited

SHOWN = 24  # invoices


def credits(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the balance, read only when a template shows it."""
    return {"credits": SimpleLazyObject(lambda: ledger.balance(ledger.wallet_of(request.user)))}


@require_GET
def pricing(request: HttpRequest) -> HttpResponse:
    """The plans and packs on sale, also for visitors without an account."""
    wallet = ledger.wallet_of(request.user) if request.user.is_authenticated else None
    yearly, paid = (
        request.GET.get("interval") == "year",
        subscriptions.live_subscription(wallet) if wallet else None,
    )
    plans = list(Plan.objects.filter(on_sale=True))
    has = (paid.plan_id, paid.interval) if paid else ("free", "")
    for plan in plans:
        cents = plan.price_year_cents if yearly else plan.price_cents
        plan.offered = gateway.configured() and cents and has != (plan.code, "year" if yearly else "month")  # type: ignore[attr-defined]
    facts = {
        "plans": plans,
        "packs": Pack.objects.filter(on_sale=True),
        "list": price_list(),
        "a_day": prices.training(),
        "configured": gateway.configured(),
        "current": wallet.plan_id if wallet else "",
        "paid": paid,
        "yearly": yearly,
        "currency": settings.CURRENCY,
    }
    return render(request, "billing/pricing.html", facts)


@login_required
@require_GET
@told
def overview(request: HttpRequest) -> HttpResponse:
    if session := request.GET.get("session"):  # the user returns from Checkout, maybe before its event
        if checkout.returned(request.user, session):
            messages.success(request, _("Thank you. What you bought is here."))
        else:
            messages.info(request, _("This is not paid yet. As soon as it is, your credits are here."))
        return redirect("billing")
    wallet = ledger.wallet_of(request.user)
    invoices = Invoice.objects.filter(wallet=wallet.id).order_by("-created_at")[:SHOWN]
    facts = {
        "wallet": wallet,
        "paid": subscriptions.live_subscription(wallet),
        "invoices": invoices,
        "configured": gateway.configured(),
        "tab": "account",
        "over": limits.twins_over(wallet, request.user.twins.count()),
        "currency": settings.CURRENCY,
    }
    return render(request, "billing/overview.html", facts)


@login_required
@require_POST
@told
@limited("checkout")
def buy(request: HttpRequest) -> HttpResponse:
    form = CheckoutForm(data={k: v for k, v in request.POST.items() if v and k in CheckoutForm().fields})
    form.is_valid(raise_exception=True)
    wanted = {k: v for k, v in form.validated_data.items() if k != "currency"}
    return HttpResponseRedirect(checkout.buy(request.user, **wanted), status=303)


@login_required
@require_POST
@told
@limited("checkout")
def manage(request: HttpRequest) -> HttpResponse:
    what = request.POST.get("what", "")
    return HttpResponseRedirect(
        checkout.manage(request.user, what=what if what in ("payment", "cancel") else ""), status=303
    )


@login_required
@require_GET
def invoice(request: HttpRequest, ident: str) -> HttpResponse:
    try:
        return redirect(checkout.invoice_address(request.user, ident))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.detail)
        return redirect("billing")


@csrf_exempt
@require_POST
def stripe_hook(request: HttpRequest) -> HttpResponse:
    """200 for an event that was applied or ignored; 503 for one that failed: Stripe then sends it again."""
    try:
        row = webhooks.receive(request.body, request.headers.get("Stripe-Signature", ""))
    except DomainError as error:
        return problems.respond(error)
    return JsonResponse({"state": row.state}, status=503 if row.state == WebhookEvent.State.FAILED else 200)


@login_required
@require_GET
def movements(request: HttpRequest) -> HttpResponse:
    rows = Transfer.objects.filter(wallet=ledger.wallet_of(request.user).id).select_related("debit", "credit")
    found = page(request, rows, lambda t: t, order=("-id",))
    facts = {
        name: f"?{found[name].partition('?')[2]}" if found[name] else "" for name in ("next", "previous")
    }
    for row in found["results"]:
        row.what, row.where = _purpose(row.cause)
        row.available, row.held = (_change(row, kind) for kind in ("available", "held"))
    return render(request, "billing/movements.html", {"rows": found["results"], **facts, "tab": "account"})


def _change(row: Transfer, kind: str) -> str:
    """By how much a movement changes the available or the held credits, with its sign; "" when it does not.
    A debt counts as available credits below zero."""
    kinds = (kind, LedgerAccount.Kind.DEBT) if kind == LedgerAccount.Kind.AVAILABLE else (kind,)
    change = row.amount * ((row.credit.kind in kinds) - (row.debit.kind in kinds))
    return f"{change:+}".replace("-", "\N{MINUS SIGN}") if change else ""


# First word of a cause -> (its name on the page, the URL name of the page that shows it, or "").
PURPOSES = {
    "image": (_("Pictures"), "job"),
    "repair": (_("A repaired picture"), "job"),
    "enlarge": (_("An enlarged picture"), "job"),
    "headshots": (_("Headshots"), "headshots_sheet"),
    "video": (_("A clip"), "job"),
    "training": (_("Training"), "training"),
    "restore": (_("Restoration"), "restoration"),
    "plan": (_("Your plan"), ""),
    "staff": (_("From the team"), ""),
    "demo": (_("From the team"), ""),
    "expiry": (_("Their time ran out"), ""),
    "invoice": (_("A payment"), "invoice"),
    "refund": (_("A payment that went back"), "invoice"),
    "change": (_("A change of plan"), "invoice"),
}


def _purpose(cause: str) -> tuple[str, str]:
    word, ident, *_more = [*cause.split(":"), ""]
    name, page_name = PURPOSES.get(word, (word, ""))
    try:
        return str(name), reverse(page_name, args=[ident]) if page_name else ""
    except NoReverseMatch:  # the id does not fit the address
        return str(name), ""
