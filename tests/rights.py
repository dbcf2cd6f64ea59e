"""Staff users with given permissions and no others."""

from __future__ import annotations

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
    client = Client()
    client.force_login(user)
    return client
