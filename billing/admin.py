"""Plans are edited; money is looked at, and given with a reason."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils.translation import gettext_lazy as _

from billing import ledger, prices
from billing.models import LedgerAccount, Pack, Plan, Price, Subscription, Transfer, Wallet, WebhookEvent
from billing.payments import webhooks
from config.errors import DomainError


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
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
        return False  # somebody may have it; take it off sale


@admin.register(Pack)
class PackAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("code", "credits", "price_cents", "on_sale")

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # somebody may be paying for it; take it off sale


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A line that is not here costs what it cost when it was delivered."""

    list_display = ("code", "credits")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name == "code":
            options["widget"] = forms.Select(
                choices=[(code, f"{code} ({n})") for code, n in prices.DELIVERED.items()]
            )
        return super().formfield_for_dbfield(db_field, request, **options)


class GrantForm(ActionForm):
    """Beside the choice of the action: how much, and why. The key makes a double click one grant."""

    amount = forms.CharField(
        label=_("Credits"), max_length=5, required=False
    )  # checked in grant(), which says what is wrong
    reason = forms.CharField(label=_("Reason"), max_length=60, required=False)
    key = forms.CharField(
        label="", widget=forms.HiddenInput, initial=lambda: secrets.token_urlsafe(6), max_length=10
    )


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = ("id", "user", "plan", "credits")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)
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
        return bool(request.user.has_perm("billing.add_transfer"))

    @admin.action(description=_("Give credits"), permissions=["grant"])
    def grant(self, request: Any, wallets: Any) -> None:
        if form := self._entry(request):
            done = self._each(
                request,
                wallets,
                form,
                "+",
                lambda wallet, cause: ledger.grant(wallet, form.amount, cause=cause),
            )
            messages.success(
                request, _("Given: %(n)s credits, to %(people)s.") % {"n": form.amount, "people": done}
            )

    @admin.action(description=_("Take credits"), permissions=["grant"])
    def correct(self, request: Any, wallets: Any) -> None:
        """A correction is an entry like any other, and takes no more than there is."""
        if form := self._entry(request):
            done = self._each(
                request, wallets, form, "-", lambda wallet, cause: _take(wallet, form.amount, cause)
            )
            messages.success(
                request, _("Taken: %(n)s credits, from %(people)s.") % {"n": form.amount, "people": done}
            )

    def _entry(self, request: Any) -> Entry | None:
        amount, reason, key = (request.POST.get(name, "").strip() for name in ("amount", "reason", "key"))
        if not (amount.isascii() and amount.isdecimal() and 1 <= int(amount) <= 10_000 and reason and key):
            messages.error(request, _("Give a number of credits from 1 to 10,000 and a reason."))
            return None
        if request.POST.get("select_across") == "1":
            messages.error(request, _("Choose the people one by one."))
            return None
        return Entry(int(amount), reason, key)

    def _each(self, request: Any, wallets: Any, form: Entry, sign: str, move: Any) -> int:
        """How many it was done to: once for a form, and never without its reason."""
        done = 0
        for wallet in wallets:
            cause = f"staff:{form.key}:{wallet.id}"
            try:
                with transaction.atomic():
                    if ledger.is_new(
                        wallet, cause, Transfer.Kind.GRANT if sign == "+" else Transfer.Kind.CORRECT
                    ):
                        move(wallet, cause)
                        self.log_change(request, wallet, f"{sign}{form.amount}: {form.reason}")
                        done += 1
            except DomainError as error:
                messages.error(request, f"{wallet.user}: {error.detail}")
        return done


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
class SubscriptionAdmin(ReadOnly):
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
class WebhookEventAdmin(ReadOnly):
    list_display = ("id", "type", "subject", "state", "attempts", "error", "created_at", "received_at")
    list_filter = ("state", "type")
    search_fields = ("id", "subject", "customer")
    show_full_result_count = False
    actions = ("retry",)

    def has_retry_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.change_webhookevent"))

    @admin.action(description=_("Try again what failed"), permissions=["retry"])
    def retry(self, request: Any, events: Any) -> None:
        rows = [
            webhooks.retry(ident)
            for ident in events.filter(state=WebhookEvent.State.FAILED).values_list("id", flat=True)
        ]
        still = sum(row.state == WebhookEvent.State.FAILED for row in rows)
        messages.info(request, _("Tried: %(n)s, failed again: %(still)s.") % {"n": len(rows), "still": still})


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnly):
    list_display = ("id", "wallet", "kind", "balance", "lot", "expires_at")
    list_filter = ("kind",)
    search_fields = ("wallet",)


@admin.register(Transfer)
class TransferAdmin(ReadOnly):
    list_display = ("id", "created_at", "kind", "amount", "cause", "wallet")
    list_filter = ("kind",)
    search_fields = ("wallet", "cause")
    show_full_result_count = False


from billing import staff  # noqa: E402, F401  registers its own
