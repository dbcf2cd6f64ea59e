"""Conversations as clients see them, and the forms that clients send."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.web.text import NameField, TextField
from moderation.cases.forms import Contact
from support.tickets.models import NAME, SUBJECT, TEXT, Attachment, Message, Ticket
from support.tickets.pictures import MOST

FOUND = 200  # signs of a search


class MessageForm(serializers.Serializer):  # type: ignore[type-arg]
    text = TextField(max_length=TEXT, required=False, allow_blank=True, default="")


class TicketForm(MessageForm):
    subject = NameField(max_length=SUBJECT)
    page = TextField(
        max_length=500, required=False, allow_blank=True, default="", help_text="the path of the page"
    )
    follows = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="a conversation that this goes on from"
    )


class EnquiryForm(serializers.Serializer):  # type: ignore[type-arg]
    """Of somebody without an account."""

    name = NameField(max_length=NAME)
    email = Contact(max_length=254)
    subject = NameField(max_length=SUBJECT)
    text = TextField(max_length=TEXT)
    page = TextField(max_length=500, required=False, allow_blank=True, default="")


class Attaching(serializers.Serializer):  # type: ignore[type-arg]
    """The pictures of a form. JSON holds none."""

    attachments = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        default=list,
        help_text=f"at most {MOST} pictures of at most 10 MB, each a part of its own",
    )


class MessageUpload(Attaching, MessageForm):
    pass


class TicketUpload(Attaching, TicketForm):
    pass


class SearchForm(serializers.Serializer):  # type: ignore[type-arg]
    q = TextField(max_length=FOUND, required=False, allow_blank=True, default="")


class AttachmentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    number = serializers.IntegerField()
    url = serializers.CharField()
    thumbnail = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class TicketMessageSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    by = serializers.ChoiceField(choices=["person", "staff"])
    text = serializers.CharField()
    by_mail = serializers.BooleanField()
    left_out = serializers.IntegerField(help_text="pictures of an e-mail that could not be taken")
    attachments = AttachmentSerializer(many=True)
    created_at = serializers.DateTimeField()


class TicketSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    number = serializers.CharField(help_text="to be quoted: T-7K3MQ2X9")
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=Ticket.Status.choices)
    page = serializers.CharField(help_text="the pattern of the address from which it was opened")
    follows = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


def show_ticket(ticket: Ticket) -> dict[str, Any]:
    names = ("id", "number", "subject", "status", "page", "created_at", "updated_at", "answered_at")
    return {name: getattr(ticket, name) for name in names} | {"follows": ticket.follows_id}


def show_message(message: Message) -> dict[str, Any]:
    """Reads `attachments`, which the caller prefetches."""
    names = ("id", "by", "text", "by_mail", "left_out", "created_at")
    pictures = [show_attachment(each) for each in message.attachments.all()]
    return {name: getattr(message, name) for name in names} | {"attachments": pictures}


def show_attachment(row: Attachment) -> dict[str, Any]:
    url = f"/api/v1/tickets/{row.ticket_id}/attachments/{row.number}"
    sizes = {"width": row.width, "height": row.height}
    return {"number": row.number, "url": url, "thumbnail": f"{url}/thumbnail", **sizes}


def messages_of(ticket: Ticket) -> Any:
    """What the person sees of it."""
    return ticket.messages.shown().prefetch_related("attachments")


def read_files(form: dict[str, Any]) -> list[bytes]:
    """Takes the files out of a form's data."""
    return [file.read() for file in form.pop("attachments")]
