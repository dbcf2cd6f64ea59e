"""Keeps feedback."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import get_language

from support.feedback.models import Feedback

MOST_PAGE = 200  # signs


def path_of(page: str) -> str:
    """The path of a page of ours, without query and fragment; "" for anything else."""
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    ours = page.startswith("/") and not page.startswith(("//", "/\\")) and not parts.netloc
    return parts.path[:MOST_PAGE] if ours else ""


def send_feedback(user: Any, *, text: str, page: str = "") -> Feedback:
    """`user` is None for a visitor."""
    return Feedback.objects.create(
        user=user, text=text, page=path_of(page), language=(get_language() or "")[:10]
    )
