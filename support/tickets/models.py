"""Tickets: conversations of a person with staff, their messages and pictures, and e-mail that came in."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.vault.vault import store
from config.querysets import OwnedQuerySet

USER = settings.AUTH_USER_MODEL
FIRST_ANSWER = timedelta(hours=24)  # what people are promised
SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # without those that look alike
NAME, SUBJECT, TEXT = 80, 120, 10_000  # signs


def new_number() -> str:
    """For people to read and to quote. It opens nothing."""
    return "T-" + "".join(secrets.choice(SIGNS) for _sign in range(8))


# The status as the person reads it.
STATES = {
    "open": _("We are on it"),
    "waiting": _("Waiting for you"),
    "solved": _("Solved"),
    "closed": _("Closed"),
}


class TicketQuerySet(OwnedQuerySet):
    def waiting(self) -> Self:
        """Those that staff must answer, the longest waiting first."""
        return self.filter(waiting_since__isnull=False).order_by("waiting_since", "id")

    def found(self, words: str, *, notes: bool = False) -> Self:
        """Those whose number, subject or messages hold `words`, whatever their letters' case. With `notes`
        staff's own notes are looked through too."""
        words = words.strip()
        said = Message.objects.filter(ticket=OuterRef("pk"), text__icontains=words)
        if not notes:
            said = said.exclude(by=Message.By.NOTE)
        return self.filter(Q(number__iexact=words) | Q(subject__icontains=words) | Exists(said))

    def remove(self) -> int:
        """Deletes these rows now, and their pictures on commit; returns how many."""
        with transaction.atomic():
            rows = list(self.select_for_update(of=("self",)))
            Ticket.objects.filter(id__in=[row.id for row in rows]).delete()
            transaction.on_commit(
                lambda: [store(row.user_id).delete_all(f"{row.folder}/") for row in rows if row.user_id],
                robust=True,
            )
        return len(rows)


class Ticket(models.Model):
    """`waiting_since`: the person's first message that staff have not answered; None while staff owe
    nothing. `page` is the pattern of the address from which it was opened, never the address itself. Without
    an account the person is a guest, whose e-mail address is proven (guests.py)."""

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("a conversation", "open")
        WAITING = "waiting", _("waits for the person")
        SOLVED = "solved", _("solved")
        CLOSED = "closed", _("closed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("number"), max_length=12, unique=True, default=new_number, editable=False)
    user = models.ForeignKey(
        USER, models.CASCADE, null=True, related_name="tickets", verbose_name=_("person")
    )
    guest_name = models.CharField(_("name"), max_length=NAME, blank=True, default="", db_default="")
    guest_email = models.CharField(_("e-mail"), max_length=254, blank=True, default="", db_default="")
    subject = models.CharField(_("subject"), max_length=SUBJECT)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.OPEN)
    assigned_to = models.ForeignKey(
        USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("assigned to")
    )
    follows = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    page = models.CharField(_("page"), max_length=200, blank=True)
    browser = models.CharField(_("browser"), max_length=200, blank=True)
    release = models.CharField(_("release"), max_length=60, blank=True)
    language = models.CharField(_("language"), max_length=10)
    created_at = models.DateTimeField(_("opened"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("last message"), default=timezone.now, editable=False)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, editable=False)
    answered_at = models.DateTimeField(_("first answer"), null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)  # solved, or closed

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at", "-id")
        verbose_name, verbose_name_plural = _("conversation"), _("conversations")
        permissions = (
            ("answer_ticket", "Can answer people and change their conversations"),
            ("look_attachment", "Can look at pictures that people attached"),
        )
        indexes = (
            models.Index(fields=["user", "-updated_at", "-id"], name="tickets_of_a_user"),
            models.Index(
                fields=["waiting_since"], name="tickets_waiting", condition=Q(waiting_since__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=("solved", "closed")) ^ Q(ended_at=None), name="ticket_ended_has_time"
            ),
            models.CheckConstraint(
                condition=Q(status="open") | Q(waiting_since=None), name="only_open_ticket_waits"
            ),
            models.CheckConstraint(
                condition=Q(user=None) ^ Q(guest_email=""), name="ticket_of_a_user_or_a_guest"
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def folder(self) -> str:
        return f"tickets/{self.id}"

    @property
    def person(self) -> str:
        """Who it is, for staff."""
        return str(self.user) if self.user else f"{self.guest_name} <{self.guest_email}>"

    @property
    def address(self) -> str | None:
        """The proven address that answers go to and come from."""
        if self.user is None:
            return self.guest_email
        return self.user.proven_address if self.user.is_active else None

    @property
    def spoken(self) -> str:
        """The person's language."""
        return (self.user.language if self.user else "") or self.language

    @property
    def state(self) -> Any:
        return STATES[self.status]

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED

    @property
    def due_at(self) -> datetime | None:
        """Until when staff should answer."""
        return self.waiting_since + FIRST_ANSWER if self.waiting_since else None

    @property
    def is_late(self) -> bool:
        return self.due_at is not None and timezone.now() > self.due_at


class MessageQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        """To the person: all but staff's notes."""
        return self.exclude(by=Message.By.NOTE)

    def to_mail(self) -> Self:
        return self.filter(mail_at__isnull=False)


class Message(models.Model):
    """`user` is the person whose conversation it is (None: a guest), `author` the one of staff who wrote.

    `mail_at`: when staff's answer is to be sent by e-mail; None where it is not, or was. `mail_id` is the
    Message-ID of an e-mail that brought this message, or told of it. `left_out`: how many of its pictures
    could not be taken, which only an e-mail can have.
    """

    class By(models.TextChoices):
        PERSON = "person", _("person")
        STAFF = "staff", _("staff")
        NOTE = "note", _("internal note")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="messages")
    user = models.ForeignKey(USER, models.CASCADE, null=True, related_name="+")
    author = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    by = models.CharField(max_length=10, choices=By.choices)
    text = models.TextField(max_length=2 * TEXT, blank=True)
    by_mail = models.BooleanField(default=False)
    left_out = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    mail_at = models.DateTimeField(null=True, editable=False)
    mail_id = models.CharField(max_length=255, null=True, unique=True, editable=False)
    endpoint = models.CharField(max_length=80, blank=True, editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)
    body_hash = models.CharField(max_length=64, blank=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        indexes = (
            models.Index(fields=["ticket", "created_at", "id"], name="messages_of_a_ticket"),
            models.Index(fields=["mail_at"], name="messages_to_mail", condition=Q(mail_at__isnull=False)),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["user", "endpoint", "idempotency_key"], name="message_once_a_key"
            ),
        )

    def __str__(self) -> str:
        return f"message {str(self.id)[:8]}"


class Attachment(models.Model):
    """A picture that the person attached: a clean copy in the person's vault. `number` counts from 0 in its
    ticket."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(USER, models.CASCADE, related_name="+")
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="attachments")
    message = models.ForeignKey(Message, models.CASCADE, related_name="attachments")
    number = models.PositiveSmallIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["ticket", "number"], name="attachment_numbered_once"),)

    def __str__(self) -> str:
        return f"picture {self.number + 1}"

    @property
    def content(self) -> str:
        return f"tickets/{self.ticket_id}/{self.id}.jpg"

    @property
    def thumbnail(self) -> str:
        return f"tickets/{self.ticket_id}/{self.id}.webp"

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for row in cls.objects.filter(user=user_id).only("id", "ticket").iterator():
            yield from (row.content, row.thumbnail)


class CannedAnswer(models.Model):
    """Words that staff often need. They are put into the answer's field, where staff change them."""

    title = models.CharField(_("title"), max_length=80, unique=True)
    text_en = models.TextField(_("in English"), max_length=4000)
    text_es = models.TextField(_("in Spanish"), max_length=4000, blank=True)
    text_zh = models.TextField(_("in Chinese"), max_length=4000, blank=True)

    class Meta:
        ordering = ("title",)
        verbose_name, verbose_name_plural = _("prepared answer"), _("prepared answers")

    def __str__(self) -> str:
        return self.title

    def text_in(self, language: str) -> str:
        """In this language, or else in English."""
        return {"es": self.text_es, "zh-hans": self.text_zh}.get(language) or self.text_en


class Enquiry(models.Model):
    """What somebody without an account wrote, until they open the link in our e-mail: then it becomes a
    ticket with the same id. Staff see none of it before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=NAME)
    email = models.CharField(max_length=254)
    subject = models.CharField(max_length=SUBJECT)
    text = models.TextField(max_length=TEXT)
    page = models.CharField(max_length=200, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = (models.Index(fields=["email", "created_at"], name="enquiries_of_an_address"),)

    def __str__(self) -> str:
        return f"enquiry {str(self.id)[:8]}"


class HeldMail(models.Model):
    """An e-mail that belongs to no conversation for certain: nobody but staff sees it."""

    class Reason(models.TextChoices):
        NEW = "new", _("names no conversation")
        SENDER = "sender", _("from another address than the person's")
        FORGED = "forged", _("its signature is not ours")
        EMPTY = "empty", _("holds no words of its own")
        MANY = "many", _("too many in an hour")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mail_id = models.CharField(max_length=255, null=True, unique=True, editable=False)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    sender = models.CharField(_("sender"), max_length=254)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("words"), max_length=TEXT, blank=True)
    ticket = models.ForeignKey(
        Ticket, models.SET_NULL, null=True, related_name="held", verbose_name=_("conversation")
    )
    created_at = models.DateTimeField(_("received"), default=timezone.now, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name, verbose_name_plural = _("held e-mail"), _("held e-mails")

    def __str__(self) -> str:
        return f"{self.get_reason_display()}, {self.created_at:%Y-%m-%d}"
