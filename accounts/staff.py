"""The door of the admin: a second factor, proved in the last four hours."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.erasure import end_sessions
from config import registry
from config.runs import events

STAY = timedelta(hours=4)  # in the admin, from the last proof of the second factor; work does not extend it
NEXT = "admin_next"  # the session's key for the page that was asked for before the second factor was set up


def is_staff(user: Any) -> bool:
    return bool(user.is_active and (user.is_staff or user.is_superuser))


def has_factor(user: Any) -> bool:
    return Authenticator.objects.filter(user=user.pk, type=Authenticator.Type.TOTP).exists()


def has_proved(request: Any, within: timedelta = STAY) -> bool:
    """Whether this session's last proof of the second factor is younger than `within`."""
    records = get_authentication_records(request, request.user)
    newest = max((record["at"] for record in records if record["method"] == "mfa"), default=0)
    return bool(time.time() - newest < within.total_seconds())


class StaffSite(AdminSite):
    """The admin. Its own log-in form does not exist: people log in on the product's pages."""

    def has_permission(self, request: Any) -> bool:
        return super().has_permission(request) and has_proved(request) and has_factor(request.user)

    def login(self, request: Any, extra_context: Any = None) -> HttpResponse:
        """Leads to what is still missing, and then to the page that was asked for."""
        return never_cache(self._lead_on)(request)

    def password_change(self, request: Any, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")

    def _lead_on(self, request: Any) -> HttpResponse:
        where = _next(request)
        if self.has_permission(request):
            request.session.pop(NEXT, None)
            return redirect(where)
        if not request.user.is_authenticated:
            return redirect_to_login(where, settings.LOGIN_URL)
        if not super().has_permission(request):
            raise PermissionDenied
        if has_factor(request.user):
            return redirect_to_login(where, reverse("mfa_reauthenticate"))
        request.session[NEXT] = where
        messages.info(request, _("The admin needs a second factor. Set one up first."))
        return redirect("mfa_activate_totp")


def _next(request: HttpRequest) -> str:
    """A page of the admin: the one in the address, the one asked for earlier, or the first."""
    first = reverse("admin:index")
    where = request.GET.get(REDIRECT_FIELD_NAME) or request.session.get(NEXT) or first
    ours = url_has_allowed_host_and_scheme(where, None) and where.startswith(first)
    return str(where) if ours and not where.startswith(reverse("admin:login")) else first


class MFAAdapter(DefaultMFAAdapter):
    """Our answers to allauth's questions about second factors."""

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Staff keep theirs. `manage.py reset_second_factor` removes one that is lost."""
        return not is_staff(authenticator.user)


@transaction.atomic
def reset_factor(user: Any, reason: str) -> None:
    """Removes the user's second factor and recovery codes and ends all of the user's sessions."""
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    events.end_streams(user.pk)
    registry.audit(None, "reset_second_factor", user, reason)


@receiver(authenticator_added)
def record_first_proof(request: Any, user: Any, authenticator: Any, **kwargs: Any) -> None:
    """Setting an app up takes the password and a code of the app, and a passkey is used when it is added: so
    nothing else is asked for after it."""
    facts = {"id": authenticator.pk, "type": authenticator.type, "reauthenticated": True}
    record_authentication(request, user, "mfa", **facts)
