"""A user's conversations with staff in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from accounts.vault.vault import store
from config.registry import Member
from support.tickets.models import Attachment, Enquiry, HeldMail, Message, Ticket

INTERNAL = ("assigned_to", "waiting_since")
OF_REQUESTS = ("author", "mail_at", "endpoint", "idempotency_key", "body_hash")


def tickets(user: Any) -> Iterator[Member]:
    """Without staff's notes, and without the names of staff."""
    files = store(user.id)
    for each in Attachment.objects.filter(user=user).select_related("ticket").iterator(chunk_size=200):
        name = f"support/{each.ticket.number}-{each.number + 1}.jpg"
        yield Member(name, files.open_checked(each.content), _("A picture that you attached."))
    mine = Ticket.objects.owned_by(user) | as_guest(user)
    own = mine.iterator(chunk_size=200)
    told = (row(ticket, without=INTERNAL) | {"messages": _said(ticket)} for ticket in own)
    yield json_list("support.json", told, _("Your conversations with us."))
    held = HeldMail.objects.filter(sender=user.proven_address or "")
    yield json_list(
        "support-mails.json",
        (row(mail, without=("ticket",)) for mail in held),
        _("E-mails from your address that belong to no conversation."),
    )


def as_guest(user: Any) -> Any:
    """Conversations from before the account, by its proven address."""
    return Ticket.objects.filter(user=None, guest_email=user.proven_address or "-")


def _said(ticket: Ticket) -> list[dict[str, Any]]:
    return [
        row(each, without=(*OF_REQUESTS, "user", "ticket"))
        | {"attachments": [row(picture, without=("user", "ticket")) for picture in each.attachments.all()]}
        for each in ticket.messages.shown().prefetch_related("attachments")
    ]


def forget(user: Any) -> None:
    """Held e-mails about the user's conversations go with them. Answers of somebody who was staff stay in
    other people's, without the name."""
    HeldMail.objects.filter(ticket__user=user).delete()
    Enquiry.objects.filter(email=user.proven_address or "-").delete()
    as_guest(user).delete()
    Message.objects.filter(author=user).exclude(user=user).update(author=None)
    Ticket.objects.filter(assigned_to=user).update(assigned_to=None)
