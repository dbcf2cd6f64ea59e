"""Staff edit plans and prices. Money is read-only: actions give and take credits, each with a reason."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from billing import ledger, prices
from billing.engines import offers
from billing.models import LedgerAccount, Pack, Plan, Price, Subscription, Transfer, Wallet, WebhookEvent
from billing.payments import webhooks
from config import registry
from config.errors import DomainError
from config.web.admin import ClosedAdmin, ReadOnlyAdmin
from config.web.text import FormName, FormText


@admin.register(Plan)
class PlanAdmin(ClosedAdmin):
    list_display = (
        "name",
        "code",
        "price_cents",
        "price_year_cents",
        "credits",
        "twins",
        "jobs",
        "longest",
        "retention_days",
        "on_sale",
        "order",
    )

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # a user may have this plan; take it off sale instead


@admin.register(Pack)
class PackAdmin(ClosedAdmin):
    list_display = ("code", "credits", "price_cents", "on_sale")

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # a user may be paying for it now; take it off sale instead


@admin.register(Price)
class PriceAdmin(ClosedAdmin):
    """A kind of work without a row costs the default in prices.DELIVERED. A draft's price is that of two.
    `<engine>:<code>` is the price of one engine alone."""

    list_display = ("code", "credits")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name == "code":
            options["widget"] = forms.Select(choices=[*_codes(prices.DELIVERED), *_codes_by_engine()])
        return super().formfield_for_dbfield(db_field, request, **options)


def _codes(delivered: dict[str, int], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(code, what it buys and its price where no row says another) for the choice of a price's code."""
    for code, n in delivered.items():
        yield f"{prefix}{code}", f"{prices.PICTURES.get(code, 1)} {prefix}{code} ({n})"


def _codes_by_engine() -> Iterator[tuple[str, str]]:
    """Those of which each engine may have a price of its own; without one the general prices hold."""
    for base in offers.configured():
        own = prices.DELIVERED_BY_ENGINE.get(base.name, {})
        codes = [code for code in prices.BY_ENGINE if base.trains or code != "training"]
        yield from _codes({code: own.get(code, prices.DELIVERED[code]) for code in codes}, f"{base.name}:")


class GrantForm(ActionForm):
    """The amount and the reason, beside the choice of the action. The key makes a double click grant once."""

    # Checked in _entry(), whose message says what is wrong.
    amount = FormText(label=_("Credits"), max_length=5, required=False)
    reason = FormName(label=_("Reason"), max_length=60, required=False)
    key = FormText(
        label="", widget=forms.HiddenInput, initial=lambda: secrets.token_urlsafe(6), max_length=10
    )


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "plan", "credits")
    list_select_related = ("user", "plan")
    search_fields = ("=user__email",)
    action_form = GrantForm
    actions = ("grant", "correct")

    def get_queryset(self, request: Any) -> Any:
        own = LedgerAccount.objects.filter(wallet=OuterRef("id"), kind="available").values("wallet")
        return (
            super()
            .get_queryset(request)
            .annotate(available=Subquery(own.annotate(sum=Sum("balance")).values("sum")))
        )

    @admin.display(description=_("credits"))
    def credits(self, wallet: Any) -> int:
        return wallet.available or 0

    def has_grant_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.grant_credits"))

    def has_take_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.take_credits"))

    @admin.action(description=_("Give credits"), permissions=["grant"])
    def grant(self, request: Any, wallets: Any) -> None:
        if entry := self._entry(request):
            done = self._each(request, wallets, entry, Transfer.Kind.GRANT)
            said = ngettext(
                "Given: %(n)s credit, to %(people)s.", "Given: %(n)s credits, to %(people)s.", entry.amount
            )
            messages.success(request, said % {"n": entry.amount, "people": done})

    @admin.action(description=_("Take credits"), permissions=["take"])
    def correct(self, request: Any, wallets: Any) -> None:
        """Takes credits by a transfer. It never takes more than is available."""
        if entry := self._entry(request):
            done = self._each(request, wallets, entry, Transfer.Kind.CORRECT)
            said = ngettext(
                "Taken: %(n)s credit, from %(people)s.",
                "Taken: %(n)s credits, from %(people)s.",
                entry.amount,
            )
            messages.success(request, said % {"n": entry.amount, "people": done})

    def _entry(self, request: Any) -> Entry | None:
        amount, key = (request.POST.get(name, "").strip() for name in ("amount", "key"))
        reason = _reason(request.POST.get("reason", ""))
        if not (amount.isascii() and amount.isdecimal() and 1 <= int(amount) <= 10_000 and reason and key):
            messages.error(request, _("Give a number of credits from 1 to 10,000 and a reason."))
            return None
        if request.POST.get("select_across") == "1":
            messages.error(request, _("Choose the people one by one."))
            return None
        return Entry(int(amount), reason, key)

    def _each(self, request: Any, wallets: Any, entry: Entry, kind: str) -> int:
        """Move the credits of each wallet, once for each form; returns how many wallets changed."""
        done = 0
        for wallet in wallets:
            try:
                done += self._move(request, wallet, entry, kind)
            except DomainError as error:
                messages.error(request, f"{wallet.user}: {error.detail}")
        return done

    @transaction.atomic
    def _move(self, request: Any, wallet: Wallet, entry: Entry, kind: str) -> bool:
        """Record the transfer and its reason in one transaction. False when this form was sent before."""
        cause = f"staff:{entry.key}:{wallet.id}"
        if not ledger.is_new(wallet, cause, kind):
            return False
        if kind == Transfer.Kind.GRANT:
            ledger.grant(wallet, entry.amount, cause=cause)
        else:
            _take(wallet, entry.amount, cause)
        sign, verb = MOVES[kind]
        said = f"{sign}{entry.amount}: {entry.reason}"
        self.log_change(request, wallet, said)
        registry.audit(request.user, verb, wallet, said)
        return True


MOVES = {Transfer.Kind.GRANT: ("+", "grant_credits"), Transfer.Kind.CORRECT: ("-", "take_credits")}


def _reason(typed: str) -> str:
    """The reason in its normal form; "" for one that the form refuses."""
    try:
        return str(GrantForm.base_fields["reason"].clean(typed))
    except ValidationError:
        return ""


class Entry(NamedTuple):
    amount: int
    reason: str
    key: str


def _take(wallet: Wallet, amount: int, cause: str) -> None:
    available = ledger.balance(wallet).available
    if available < amount:
        raise ledger.NotEnoughCredits(price=amount, available=available)
    ledger.take_back(wallet, amount, cause=cause, kind=Transfer.Kind.CORRECT)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "wallet",
        "plan",
        "interval",
        "status",
        "period_end",
        "ends_at",
        "past_due_since",
        "ended_at",
    )
    list_filter = ("status", "plan", "interval")
    search_fields = ("id", "wallet")


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "type", "subject", "state", "attempts", "error", "created_at", "received_at")
    list_filter = ("state", "type")
    search_fields = ("id", "subject", "=customer")
    show_full_result_count = False
    actions = ("retry",)

    def has_retry_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.retry_event"))

    @admin.action(description=_("Try again what failed"), permissions=["retry"])
    def retry(self, request: Any, events: Any) -> None:
        rows = [self._retry(request, event) for event in events.filter(state=WebhookEvent.State.FAILED)]
        still = sum(row.state == WebhookEvent.State.FAILED for row in rows)
        messages.info(request, _("Tried: %(n)s, failed again: %(still)s.") % {"n": len(rows), "still": still})

    @transaction.atomic
    def _retry(self, request: Any, event: WebhookEvent) -> WebhookEvent:
        row = webhooks.retry(event.id)
        registry.audit(request.user, "retry_event", row, row.state)
        return row


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ("id", "wallet", "kind", "balance", "lot", "expires_at")
    list_filter = ("kind",)
    search_fields = ("wallet",)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "kind", "amount", "cause", "wallet")
    list_filter = ("kind",)
    search_fields = ("wallet", "cause")
    show_full_result_count = False


from billing import staff  # noqa: E402, F401  registers its admin pages
from billing.engines import admin as engines  # noqa: E402, F401  registers its admin pages
