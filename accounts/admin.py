"""People, their consents, and how they log in. Staff change neither their own rights nor other staff."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from allauth.usersessions.admin import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.models import Consent, Export, User
from accounts.privacy import admin as privacy  # noqa: F401  registers its pages
from config.web.admin import ClosedAdmin, ReadOnlyAdmin


class ConsentInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Consent
    extra = 0
    can_delete = False
    fields = readonly_fields = ("kind", "version", "language", "given_at", "withdrawn_at")

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ClosedAdmin):
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
        "standing",
    )
    readonly_fields = ("email", "phone", "date_joined", "last_login", "standing")
    inlines = (ConsentInline,)

    @admin.display(description=_("standing"))
    def standing(self, user: User) -> str:
        where = reverse("admin:standing_of", args=[user.pk])
        return format_html('<a href="{}">{}</a>', where, _("Strikes and suspensions"))

    def has_add_permission(self, request: Any) -> bool:
        return False  # people sign up; operators have createsuperuser

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Only superusers change staff."""
        allowed = super().has_change_permission(request, obj)
        is_staff = obj is not None and (obj.is_staff or obj.is_superuser)
        return allowed and (request.user.is_superuser or not is_staff)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False  # an account is erased with everything in it (accounts/erasure.py), not as one row

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        """Only superusers change rights."""
        rights = () if request.user.is_superuser else ("is_staff", "is_superuser", "groups")
        return (*self.readonly_fields, *rights)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ClosedAdmin, DjangoGroupAdmin):
    """A change of a group changes the rights of all its members, so only superusers may make one."""

    list_display = ("name",)

    def has_add_permission(self, request: Any) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "scope", "status", "size", "created_at", "error_code")
    exclude = ("chosen", "idempotency_key")
    list_filter = ("status",)
    list_select_related = ("user",)


# ---------------------------------------------------------------- how people log in
# On allauth's own admin pages staff could give themselves a superuser's e-mail address, and read the secrets
# of second factors and the keys of live sessions. The imports above register those pages; these replace them.

for model in (EmailAddress, Authenticator, UserSession):
    admin.site.unregister(model)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    list_display = ("email", "user", "primary", "verified")
    list_filter = ("primary", "verified")
    list_select_related = ("user",)
    search_fields = ("email",)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    exclude = ("data",)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("=user__email",)
    exclude = ("session_key", "data")
