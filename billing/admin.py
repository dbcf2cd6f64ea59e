"""Plans are edited; money is looked at, and given with a reason."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
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
    key = forms.CharField(widget=forms.HiddenInput, initial=lambda: secrets.token_urlsafe(6), max_length=10)


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = ("id", "user", "plan", "credits")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)
    action_form = GrantForm
    actions = ("grant",)

    @admin.display(description=_("credits"))
    def credits(self, wallet: Wallet) -> str:
        now = ledger.balance(wallet)
        return f"{now.available} + {now.held}" if now.held else str(now.available)

    def has_grant_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.add_transfer"))

    @admin.action(description=_("Give credits"), permissions=["grant"])
    def grant(self, request: Any, wallets: Any) -> None:
        amount, reason, key = (request.POST.get(name, "").strip() for name in ("amount", "reason", "key"))
        if not (amount.isascii() and amount.isdecimal() and 1 <= int(amount) <= 10_000 and reason and key):
            messages.error(request, _("Give a number of credits from 1 to 10,000 and a reason."))
            return
        for wallet in wallets:
            ledger.grant(wallet, int(amount), cause=f"staff:{key}:{wallet.id}")
            self.log_change(request, wallet, f"+{amount}: {reason}")
        messages.success(request, _("Given: %(n)s credits, to %(people)s.") % {"n": amount, "people": len(wallets)})


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
