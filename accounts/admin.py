"""People, their consents, and how they log in. Staff change neither their own rights nor other staff."""

from __future__ import annotations

from typing import Any

from allauth.account.admin import EmailAddress
from allauth.mfa.admin import Authenticator
from allauth.socialaccount.admin import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.admin import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as _registered  # noqa: F401  Django's own page of groups, replaced below
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts import roles
from accounts.models import Consent, Export, User
from accounts.privacy import admin as privacy  # noqa: F401  registers its pages
from config.errors import DomainError
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


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """What superusers change: also the role."""

    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", "–"), *roles.Role.choices])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["role"] = roles.of(self.instance)


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
        "role",
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

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Only superusers give roles: the form of others has no such field."""
        form = RoleForm if request.user.is_superuser else forms.ModelForm
        return super().get_form(request, obj, change, **{"form": form} | options)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, "role")

    @admin.display(description=_("Role"))
    def role(self, user: User) -> str:
        return roles.of(user) or "–"

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "role" in form.changed_data:
            try:
                roles.give(obj, form.cleaned_data["role"], actor=request.user)
            except DomainError as error:
                messages.error(request, error.detail)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """What each role may do. accounts/roles.py says it, and nobody changes it here."""

    list_display = ("name",)


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "scope", "status", "size", "created_at", "error_code")
    exclude = ("chosen", "idempotency_key")
    list_filter = ("status",)
    list_select_related = ("user",)


# ---------------------------------------------------------------- how people log in
# On allauth's own admin pages staff could give themselves a superuser's e-mail address, and read the secrets
# of second factors and the keys of live sessions. The imports above register those pages; these replace them.

# Providers are set in the environment, and tokens are not kept: these two have no page.
for model in (EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken):
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


@admin.register(SocialAccount)
class SocialAccountAdmin(ReadOnlyAdmin):
    list_display = ("user", "provider", "date_joined", "last_login")
    list_select_related = ("user",)
    exclude = ("extra_data", "uid")


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("=user__email",)
    exclude = ("session_key", "data")
