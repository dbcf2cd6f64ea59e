"""Who sends a request, for moderation.cases.services."""

from __future__ import annotations

from typing import Any

from config.web.ratelimit import network
from moderation.cases.services import Filed, Sender, take_notice


def sender_of(request: Any, contact: str = "") -> Sender:
    user = request.user if request.user.is_authenticated else None
    return Sender(user=user, network=network(request), contact=contact)


def file_takedown(sender: Sender, form: dict[str, Any]) -> Filed:
    """Files what a valid TakedownForm holds."""
    return take_notice(
        sender,
        name=form["name"],
        address=form["address"],
        text=form["text"],
        picture=form["file"].read() if form.get("file") else b"",
        reason=form["reason"],
    )
