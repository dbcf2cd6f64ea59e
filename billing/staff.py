"""Invoices are read-only and can be refunded; operators enter here what engines cost."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _

from billing.models import EngineCost, Invoice
from billing.payments import checkout
from config.errors import DomainError


@admin.register(Invoice)
class InvoiceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    change_list_template = "admin/billing/invoices.html"
    list_display = (
        "id",
        "number",
        "status",
        "total",
        "currency",
        "refunded",
        "credits",
        "taken",
        "plan",
        "created_at",
    )
    list_select_related = ("plan",)
    search_fields = ("id", "number")
    ordering = ("-created_at",)
    actions = ("refund",)

    def has_refund_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("billing.change_invoice"))

    @admin.action(description=_("Pay back in full"), permissions=["refund"])
    def refund(self, request: Any, invoices: Any) -> None:
        """Refund the whole payment at Stripe, once; its credits are taken back here.

        A part of a payment is refunded in Stripe's dashboard.
        """
        for row in invoices:
            try:
                checkout.pay_back(row)
                self.log_change(request, row, "paid back")
                messages.success(request, _("Paid back: %(invoice)s.") % {"invoice": row})
            except DomainError as error:
                messages.error(request, f"{row}: {error.detail}")

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(EngineCost)
class EngineCostAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("engine", "job_kind", "hour_cents", "unit_cents")
    list_editable = ("hour_cents", "unit_cents")
    ordering = ("engine", "job_kind")
