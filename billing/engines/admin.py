"""Admin pages: offers and costs of engines, which staff edit, and the requests at other companies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.engines import offers
from billing.engines.models import EngineCost, EngineOffer, RemoteRequest
from config.web.admin import ClosedAdmin, ReadOnlyAdmin
from config.web.labels import engine_name


def engine_choices() -> list[tuple[str, str]]:
    """(profile, its name) of each engine of this installation."""
    return [(base.name, f"{base.name}: {engine_name(base.name)}") for base in offers.configured()]


@admin.register(EngineOffer)
class EngineOfferAdmin(ClosedAdmin):
    """An engine without a row is offered to everybody."""

    list_display = ("profile", "offered", "plan_names", "free_first")
    filter_horizontal = ("plans",)

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("plans")

    @admin.display(description=_("plans"))
    def plan_names(self, offer: EngineOffer) -> Any:
        return ", ".join(plan.name for plan in offer.plans.all()) or _("every plan")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name == "profile":
            options["widget"] = forms.Select(choices=engine_choices())
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        return ("profile",) if obj else ()  # the key: another one would be another row


@admin.register(EngineCost)
class EngineCostAdmin(ClosedAdmin):
    """A new price is a new row with a later day, so that what was done before keeps its cost."""

    list_display = ("engine", "job_kind", "since", "hour_cents", "unit_cents", "source")
    list_editable = ("hour_cents", "unit_cents")
    ordering = ("engine", "job_kind", "since")


@admin.register(RemoteRequest)
class RemoteRequestAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "service",
        "model",
        "run_kind",
        "run_id",
        "work",
        "state",
        "cents",
        "key",
        "request_id",
        "created_at",
        "ended_at",
    )
    list_filter = ("service", "state", "run_kind")
    search_fields = ("id", "run_id", "request_id")
    exclude = ("status_url", "response_url", "cancel_url")
    show_full_result_count = False
