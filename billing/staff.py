"""Admin page of invoices, which are read-only and can be refunded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.models import Invoice
from billing.payments import checkout
from config import registry
from config.web.admin import ReadOnlyAdmin


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
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
        return bool(request.user.has_perm("billing.refund_invoice"))

    @admin.action(description=_("Pay back in full"), permissions=["refund"])
    def refund(self, request: Any, invoices: Any) -> None:
        """Refund the whole payment at Stripe, once, and take its credits back here.

        To refund a part of a payment, use Stripe's dashboard.
        """

        def act(row: Invoice) -> str:
            checkout.pay_back(row)
            self.log_change(request, row, "paid back")
            registry.audit(request.user, "refund_invoice", row, f"{row.refunded} {row.currency}")
            return _("Paid back: %(invoice)s.") % {"invoice": row}

        self.do_each(request, invoices, act)
