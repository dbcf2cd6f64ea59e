"""Staff's page of maintenance: plan one, begin and end it, cancel it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from config import registry
from config.errors import AlreadyFinished, DomainError
from config.web.admin import ClosedAdmin
from support.maintenance import services
from support.maintenance.models import Maintenance


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> Any:
        said = super().clean() or {}
        if said.get("starts_at") and said.get("ends_at"):
            try:
                services.check(said["starts_at"], said["ends_at"])
            except DomainError as error:
                raise forms.ValidationError(error.detail) from None
        return said


@admin.register(Maintenance)
class MaintenanceAdmin(ClosedAdmin):
    """Who may add one plans it; who may change one begins, ends and cancels it."""

    form = PlanForm
    list_display = ("starts_at", "ends_at", "ended_at")
    list_select_related = ()
    fields = ("starts_at", "ends_at")
    actions = ("begin", "end", "cancel")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        obj.pk = services.plan(obj.starts_at, obj.ends_at).pk
        registry.audit(request.user, "plan_maintenance", obj, str(obj))

    @admin.action(permissions=["change"], description=_("Begin now"))
    def begin(self, request: Any, rows: Any) -> None:
        self._each(request, rows, services.begin)

    @admin.action(permissions=["change"], description=_("End"))
    def end(self, request: Any, rows: Any) -> None:
        self._each(request, rows, services.end)

    @admin.action(permissions=["change"], description=_("Cancel"))
    def cancel(self, request: Any, rows: Any) -> None:
        self._each(request, rows, services.cancel)

    def _each(self, request: Any, rows: Any, act: Callable[[], Maintenance]) -> None:
        """`act` is about the one that is open, so another row that was chosen is refused."""

        def done(row: Maintenance) -> str:
            if row.ended_at:
                raise AlreadyFinished
            made = act()
            registry.audit(request.user, f"{act.__name__}_maintenance", made, str(made))
            return str(made)

        self.do_each(request, rows, done)
