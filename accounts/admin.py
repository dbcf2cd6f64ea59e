"""People and what they agreed to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts.models import Consent, Export, User


class ConsentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Consent
    extra = 0
    can_delete = False
    fields = readonly_fields = ("kind", "version", "language", "given_at", "withdrawn_at")

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("email", "display_name", "language", "date_joined", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "display_name")
    fields = (
        "email",
        "phone",
        "display_name",
        "language",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "date_joined",
        "last_login",
    )
    readonly_fields = ("email", "phone", "date_joined", "last_login")
    inlines = (ConsentInline,)

    def has_add_permission(self, request: Any) -> bool:
        return False  # people sign up; operators have createsuperuser

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # an account ends with everything in it, which is more than a row

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        """Nobody makes themselves more than they are."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups")
        return (*self.readonly_fields, *rights)


@admin.register(Export)
class ExportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "user", "scope", "status", "size", "created_at", "error_code")
    exclude = ("chosen", "idempotency_key")
    list_filter = ("status",)
    list_select_related = ("user",)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False
