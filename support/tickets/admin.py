"""Staff's pages of conversations: the queue by the clock, one conversation as a chat, prepared answers, and
e-mails that belong to none. A person's picture is shown for one look, which the audit log has."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.errors import DomainError, Invalid
from config.web.admin import ClosedAdmin, ReadOnlyAdmin
from config.web.problems import sentence_of
from config.web.text import FormText
from support.tickets import answering, notices
from support.tickets.models import TEXT, CannedAnswer, HeldMail, Message, Ticket

ANSWER, LOOK = notices.ANSWER, "support.look_attachment"
OTHERS = 5  # of the person's other conversations, beside the chat


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ("number", "subject", "clock", "status", "assigned_to", "language", "updated_at")
    list_filter = ("status", "language", "assigned_to")
    list_select_related = ("assigned_to",)
    search_fields = ("number", "subject", "=user__email", "=guest_email")
    ordering = ("waiting_since", "-updated_at", "-id")  # PostgreSQL puts what waits for nobody last
    change_list_template = "admin/support/tickets.html"

    @admin.display(description=gettext_lazy("clock"), ordering="waiting_since")
    def clock(self, ticket: Ticket) -> str:
        if ticket.due_at is None:
            return "–"
        if ticket.is_late:
            late = _("late by %(time)s") % {"time": timesince(ticket.due_at, depth=1)}
            return format_html('<strong class="tickets-overdue">{}</strong>', late)
        return _("%(time)s left") % {"time": timeuntil(ticket.due_at, depth=1)}

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the words of messages too, which staff read anyway. Django would read quotes as syntax."""
        if not search_term.strip():
            return queryset, False
        found = Ticket.objects.all().found(search_term, notes=True).values("pk")
        address = search_term.strip()
        of = Q(user__email__iexact=address) | Q(guest_email__iexact=address)
        return queryset.filter(Q(pk__in=found) | of), False

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        figures = answering.figures() if self.has_view_permission(request) else {}
        if figures.get("median"):
            figures["took"] = timesince(timezone.now() - figures["median"], depth=2)
        facts = {"figures": figures, "title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, facts | (extra_context or {}))

    def change_view(
        self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The chat. POST does one thing; a picture is part of the answer to a look alone."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket: Ticket = Ticket.objects.select_related("user", "assigned_to", "follows").get_or_404(object_id)
        seen: dict[int, str] = {}
        typed = ""
        if request.method == "POST":
            try:
                seen = self._act(request, ticket)
            except DomainError as error:
                messages.error(request, sentence_of(error))
                typed = request.POST.get("text", "")[: 2 * TEXT]
            if not seen and not typed:
                return redirect("admin:support_ticket_change", ticket.pk)
        facts = self.admin_site.each_context(request) | _facts(request, ticket, typed, seen)
        return render(request, "admin/support/ticket.html", facts | {"opts": self.opts})

    def _act(self, request: Any, ticket: Ticket) -> dict[int, str]:
        """Does what one of the page's forms asks for; a picture by its number where that is a look."""
        act, said, actor = request.POST.get("act", ""), request.POST, request.user
        if not actor.has_perm(LOOK if act == "look" else ANSWER):
            raise PermissionDenied
        if act == "look":
            number = said.get("number", "")
            number = int(number) if number.isdecimal() and len(number) < 4 else -1
            data = answering.look(ticket, actor=actor, number=number)
            return {number: f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"}
        if act == "answer":
            key = said.get("key", "")[:255] or None
            answering.answer(ticket, actor=actor, text=_typed(said), status=said.get("status", ""), key=key)
        elif act == "note":
            answering.note(ticket, actor=actor, text=_typed(said))
        elif act == "assign":
            answering.assign(ticket, actor=actor, to=said.get("to", ""))
        else:
            answering.change_status(ticket, actor=actor, status=said.get("status", ""))
        return {}


def _typed(said: Any) -> str:
    """Raises Invalid."""
    try:
        return str(FormText(required=False, max_length=TEXT).clean(said.get("text", "")))
    except ValidationError as error:
        raise Invalid(errors={"text": list(error.messages)}) from None


def _facts(request: Any, ticket: Ticket, typed: str, seen: dict[int, str]) -> dict[str, Any]:
    canned = CannedAnswer.objects.filter(pk=request.GET["canned"]).first() if _chosen(request) else None
    others = Ticket.objects.filter(user=ticket.user_id, guest_email=ticket.guest_email).exclude(pk=ticket.pk)
    return {
        "title": f"{ticket.number} · {ticket.subject}",
        "ticket": ticket,
        "said": [_shown(message, seen) for message in _messages(ticket)],
        "typed": typed or (canned.text_in(ticket.language) if canned else ""),
        "canned": CannedAnswer.objects.all(),
        "staff": notices.staff(),
        "statuses": Ticket.Status.choices,
        "others": others[:OTHERS],
        "held": ticket.held.all(),
        "key": secrets.token_urlsafe(12),
        "most": TEXT,
        "may_answer": request.user.has_perm(ANSWER),
        "may_look": request.user.has_perm(LOOK),
        "now": timezone.now(),
    }


def _chosen(request: Any) -> bool:
    ident = request.GET.get("canned", "")
    return ident.isascii() and ident.isdecimal() and len(ident) < 10


def _messages(ticket: Ticket) -> Any:
    return ticket.messages.select_related("author").prefetch_related("attachments")


def _shown(message: Message, seen: dict[int, str]) -> dict[str, Any]:
    pictures = [{"row": each, "data": seen.get(each.number)} for each in message.attachments.all()]
    return {"row": message, "pictures": pictures}


@admin.register(CannedAnswer)
class CannedAnswerAdmin(ClosedAdmin):
    list_display = ("title", "text_en")
    search_fields = ("title", "text_en")


@admin.register(HeldMail)
class HeldMailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "reason", "sender", "subject", "ticket")
    list_filter = ("reason",)
    list_select_related = ("ticket",)
    search_fields = ("sender", "subject")
    fields = ("created_at", "reason", "sender", "subject", "text", "ticket")
    actions = ("open_ticket",)

    def has_answer_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm(ANSWER))

    @admin.action(
        description=gettext_lazy("Open a conversation of the account with this address"),
        permissions=["answer"],
    )
    def open_ticket(self, request: Any, rows: Any) -> None:
        def act(row: HeldMail) -> str:
            made = answering.open_from_held(row, actor=request.user)
            return _("The conversation %(number)s is open.") % {"number": made.number}

        self.do_each(request, rows, act)
