"""Keeps feedback."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from django.utils.translation import get_language

from support.feedback.models import Feedback


def path_of(page: str) -> str:
    """The path of a page of ours, without query and fragment; "" for anything else."""
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    ours = page.startswith("/") and not page.startswith(("//", "/\\")) and not parts.netloc
    return parts.path if ours else ""


def name_of(page: str) -> str:
    """The pattern of the page's address, "/s/<str:token>/": an address itself may hold what opens it."""
    try:
        return f"/{resolve(path_of(page)).route}"
    except Resolver404:
        return ""


def send_feedback(user: Any, *, text: str, page: str = "") -> Feedback:
    """`user` is None for a visitor."""
    return Feedback.objects.create(
        user=user, text=text, page=name_of(page), language=(get_language() or "")[:10]
    )
