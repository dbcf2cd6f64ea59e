"""Plans are edited; money is looked at, and given with a reason."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils.translation import gettext_lazy as _

from billing import ledger
from billing.models import LedgerAccount, Plan, Transfer, Wallet


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "code", "price_cents", "credits", "twins", "order")


class GrantForm(ActionForm):
    """Beside the choice of the action: how much, and why. The key makes a double click one grant."""

    amount = forms.CharField(
        label=_("Credits"), max_length=5, required=False
    )  # checked in grant(), which says what is wrong
    reason = forms.CharField(label=_("Reason"), max_length=60, required=False)
    key = forms.CharField(label="", widget=forms.HiddenInput, initial=lambda: secrets.token_urlsafe(6), max_length=10)


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = ("id", "user", "plan", "credits")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)
    action_form = GrantForm
    actions = ("grant",)

    def get_queryset(self, request: Any) -> Any:
        own = LedgerAccount.objects.filter(wallet=OuterRef("id"), kind="available").values("wallet")
        return (
            super().get_queryset(request).annotate(available=Subquery(own.annotate(sum=Sum("balance")).values("sum")))
        )

    @admin.display(description=_("credits"))
    def credits(self, wallet: Any) -> int:
        return wallet.available or 0

    def has_grant_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.add_transfer"))

    @admin.action(description=_("Give credits"), permissions=["grant"])
    def grant(self, request: Any, wallets: Any) -> None:
        amount, reason, key = (request.POST.get(name, "").strip() for name in ("amount", "reason", "key"))
        if not (amount.isascii() and amount.isdecimal() and 1 <= int(amount) <= 10_000 and reason and key):
            messages.error(request, _("Give a number of credits from 1 to 10,000 and a reason."))
            return
        if request.POST.get("select_across") == "1":
            messages.error(request, _("Choose the people one by one."))
            return
        given = 0
        for wallet in wallets:
            cause = f"staff:{key}:{wallet.id}"
            with transaction.atomic():  # no credits without their reason
                if ledger.is_new(wallet, cause):
                    ledger.grant(wallet, int(amount), cause=cause)
                    self.log_change(request, wallet, f"+{amount}: {reason}")
                    given += 1
        messages.success(request, _("Given: %(n)s credits, to %(people)s.") % {"n": amount, "people": given})


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
