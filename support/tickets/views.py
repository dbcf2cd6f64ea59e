"""The pages on which people talk to staff: their conversations, a new one, and one as a chat."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.notices.services import mark_read
from config.errors import DomainError
from config.web.pagination import page
from config.web.problems import flattened, sentence_of, told
from config.web.ratelimit import limited
from support.feedback.services import path_of
from support.tickets import guest_views, pictures, services
from support.tickets.models import SUBJECT, TEXT, Ticket
from support.tickets.serializers import (
    FOUND,
    MessageUpload,
    SearchForm,
    TicketUpload,
    messages_of,
    read_files,
    show_message,
)

ORDER = ("-updated_at", "-id")
SIZES = {"most_signs": TEXT, "most_subject": SUBJECT, "most_pictures": pictures.MOST, "tab": "account"}


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    form = SearchForm(data={"q": request.GET.get("q", "").replace("\x00", " ")})
    form.is_valid(raise_exception=True)
    words, rows = form.validated_data["q"], Ticket.objects.owned_by(request.user)
    shown = page(request, rows.found(words) if words else rows, lambda row: row, order=ORDER)
    query = {name: (shown[name] or "").partition("?")[2] for name in ("next", "previous")}
    facts = {"tickets": shown["results"], "q": words, "most": FOUND, "tab": "account"} | query
    return render(request, "support/tickets/list.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """What is refused is shown again with its words. `page` and `follows` come with the link."""
    said = request.POST or request.GET
    if not request.user.is_authenticated:
        return guest_views.new(request, {"page": path_of(said.get("page", ""))})
    follows = _followed(request, said.get("follows", ""))
    facts: dict[str, Any] = {"page": path_of(said.get("page", "")), "follows": follows}
    if request.method == "POST":
        return _opened(request, facts)
    subject = follows.subject if follows else said.get("subject", "")[:SUBJECT]
    return _form(request, facts | {"subject": subject})


def _followed(request: HttpRequest, ident: str) -> Ticket | None:
    return Ticket.objects.owned_by(request.user).get_or_404(ident) if ident else None


@limited("tickets")
def _opened(request: HttpRequest, facts: dict[str, Any]) -> HttpResponse:
    typed = {name: request.POST.get(name, "") for name in ("subject", "text")}
    form = TicketUpload(data=typed | {"page": facts["page"], "attachments": _files(request)})
    facts |= typed
    if not form.is_valid():
        return _form(request, facts | {"errors": flattened(form.errors)}, status=422)
    fields = dict(form.validated_data) | {"follows": facts["follows"]}
    try:
        ticket = services.open_ticket(
            request.user,
            files=read_files(fields),
            browser=request.headers.get("User-Agent", ""),
            key=request.POST.get("key", "")[:255] or None,
            **fields,
        )
    except DomainError as error:
        return _form(request, facts | {"wrong": sentence_of(error)}, status=error.status)
    messages.success(request, _("Your message is with us. We answer here and by e-mail."))
    return redirect("ticket", ticket.id)


def _files(request: HttpRequest) -> list[Any]:
    return list(request.FILES.getlist("attachments"))


def _form(request: HttpRequest, facts: dict[str, Any], *, status: int = 200) -> HttpResponse:
    facts |= {"key": secrets.token_urlsafe(12), **SIZES}
    return render(request, "support/tickets/new.html", facts, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    """The chat; with `part` its messages alone. POST writes."""
    ticket = Ticket.objects.owned_by(request.user).get_or_404(ident)
    if request.method == "POST":
        return _written(request, ticket)
    return _chat(request, ticket)


@limited("ticket_messages")
def _written(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    text = request.POST.get("text", "")
    form = MessageUpload(data={"text": text, "attachments": _files(request)})
    if not form.is_valid():
        wrong = " ".join(sentence for found in flattened(form.errors).values() for sentence in found)
        return _chat(request, ticket, status=422, text=text, wrong=wrong)
    fields = dict(form.validated_data)
    key = request.POST.get("key", "")[:255] or None
    try:
        services.write(ticket, files=read_files(fields), key=key, **fields)
    except DomainError as error:
        return _chat(request, ticket, status=error.status, text=text, wrong=sentence_of(error))
    return redirect(f"{reverse('ticket', args=[ticket.id])}#write")


def _chat(request: HttpRequest, ticket: Ticket, *, status: int = 200, **facts: Any) -> HttpResponse:
    mark_read(request.user, about=[ticket.id])
    shown = [show_message(message) for message in messages_of(ticket)]
    facts |= {"ticket": ticket, "said": shown, "key": secrets.token_urlsafe(12), **SIZES}
    template = "_chat" if request.GET.get("part") else "ticket"
    return render(request, f"support/tickets/{template}.html", facts, status=status)


@login_required
@require_POST
@told
def solved(request: HttpRequest, ident: str) -> HttpResponse:
    services.solve(Ticket.objects.owned_by(request.user).get_or_404(ident))
    messages.success(request, _("Good to hear. Write here again if it comes back."))
    return redirect("ticket", ident)
