"""Plans are edited; money is looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

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


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = ("id", "user", "plan")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)


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
