"""Staff users with given permissions and no others, and how they get into the admin."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

numbers = count(1)


def staff_with(*rights: str) -> Any:
    """A staff user with these permissions, each written "app.codename"."""
    from django.contrib.auth import get_user_model

    make = get_user_model().objects.create_user
    user = make(f"helper{next(numbers)}@example.com", "a long password", is_staff=True)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def logged_in(user: Any) -> Client:
    """A client in which `user` has logged in with a second factor."""
    client = Client()
    client.force_login(user)
    prove(client, user)
    return client


def prove(client: Client, user: Any, *, ago: float = 0) -> None:
    """What the session and the user have after a code of an app was typed, `ago` seconds ago."""
    from allauth.account.internal.flows import login
    from allauth.mfa.models import Authenticator

    Authenticator.objects.get_or_create(user=user, type="totp", defaults={"data": {"secret": SECRET}})
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time() - ago}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()


SECRET = "JBSWY3DPEHPK3PXP"


def code() -> str:
    """The code that an app with SECRET shows now."""
    from allauth.mfa.totp.internal import auth

    counter = list(auth.yield_hotp_counters_from_time())[auth.app_settings.TOTP_TOLERANCE]
    return str(auth.format_hotp_value(auth.hotp_value(SECRET, counter)))
