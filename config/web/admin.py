"""Base classes of all admin pages: closed look-ups, audit entries, and read-only pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db import models, transaction

from config import registry
from config.errors import DomainError, Malformed
from config.web.text import FormName, FormText


class ClosedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin page on which rows may be edited, with an audit entry for each change.

    A list is filtered by `list_filter` and `date_hierarchy` and by nothing else. Django itself takes any
    column from the address, also one that no page shows: with `?password__startswith=` staff could read a
    hash letter by letter.
    """

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup in set(self._open_lookups(request))

    def _open_lookups(self, request: Any) -> Iterator[str]:
        """The parameters that the list's own links use."""
        for entry in self.get_list_filter(request):
            if isinstance(entry, type):
                yield entry.parameter_name  # type: ignore[attr-defined]
            else:
                path: Any = entry[0] if isinstance(entry, (tuple, list)) else entry
                yield from self._lookups_of(path)
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day"))

    def _lookups_of(self, path: str) -> Iterator[str]:
        field: Any = get_fields_from_path(self.model, path)[-1]
        yield from (path, f"{path}__exact", f"{path}__isnull")  # the first is of columns without choices
        if isinstance(field, models.DateField):
            yield from (f"{path}__gte", f"{path}__lt")
        if field.is_relation:
            yield f"{path}__{field.target_field.name}__exact"

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """Refuses chosen ids that no row can have. Django passes them to the database as they are."""
        for ident in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.model._meta.pk.to_python(ident)
            except ValidationError:
                raise Malformed from None
        return super().changelist_view(request, extra_context)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        """Texts have the same normal form and the same refusals as on the product's pages."""
        kinds = {models.CharField: FormName, models.TextField: FormText}
        if form_class := kinds.get(type(db_field)):
            options = {"form_class": form_class} | options
        return super().formfield_for_dbfield(db_field, request, **options)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        verb = "change" if change else "add"
        registry.audit(
            request.user, f"{verb}_{obj._meta.model_name}", obj, ", ".join(map(str, form.changed_data))
        )

    def delete_model(self, request: Any, obj: Any) -> None:
        registry.audit(request.user, f"delete_{obj._meta.model_name}", obj, str(obj))
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: Any, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def do_each(self, request: Any, rows: Iterable[Any], act: Callable[[Any], Any]) -> None:
        """Calls `act` with each chosen row and shows the sentence it returns.

        A refusal is shown and stops no other row.
        """
        for row in rows:
            try:
                messages.success(request, act(row))
            except DomainError as error:
                messages.error(request, f"{row}: {error.detail}")


class ReadOnlyAdmin(ClosedAdmin):
    """Staff look at the rows and use the actions; only services change them."""

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False
