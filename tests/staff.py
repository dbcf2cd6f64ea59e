"""Logged-in clients of staff users with given billing permissions and no others."""

from __future__ import annotations

from django.test import Client

from tests.rights import logged_in, staff_with


def client_with(*rights: str) -> Client:
    return logged_in(staff_with(*(f"billing.{right}" for right in rights)))
