"""Logged-in clients of staff users with given billing permissions and no others."""

from __future__ import annotations

from itertools import count

from django.contrib.auth.models import Permission
from django.test import Client

numbers = count(1)


def client_with(*rights: str) -> Client:
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.create_user(
        f"staff{next(numbers)}@example.com", "a long password", is_staff=True
    )
    user.user_permissions.set(
        Permission.objects.filter(codename__in=rights, content_type__app_label="billing")
    )
    client = Client()
    client.force_login(user)
    return client
