"""The pages for people without an account: a message to us, its confirmation, and the conversation."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config.errors import DomainError, RateLimited
from config.web.problems import flattened, sentence_of, told
from config.web.ratelimit import limited
from support.tickets import guests, services
from support.tickets.models import NAME, SUBJECT, TEXT, Ticket
from support.tickets.serializers import EnquiryForm, MessageForm, messages_of, show_message

SIZES = {"most_signs": TEXT, "most_subject": SUBJECT, "most_name": NAME}


def new(request: HttpRequest, facts: dict[str, Any]) -> HttpResponse:
    """What is refused is shown again with its words."""
    if request.method != "POST":
        return _form(request, facts | {"subject": request.GET.get("subject", "")[:SUBJECT]})
    typed = {name: request.POST.get(name, "") for name in ("name", "email", "subject", "text")}
    form = EnquiryForm(data=typed | {"page": facts["page"]})
    if not form.is_valid():
        return _form(request, facts | typed | {"errors": flattened(form.errors)}, status=422)
    try:
        return _asked(request, form.validated_data)
    except RateLimited as refused:  # with the form, so that nothing typed is lost
        return _form(request, facts | typed | {"wrong": sentence_of(refused)}, status=429)


@limited("enquiries")
def _asked(request: HttpRequest, fields: dict[str, Any]) -> HttpResponse:
    made = guests.ask(**fields, browser=request.headers.get("User-Agent", ""))
    return render(request, "support/tickets/asked.html", {"made": made})


def _form(request: HttpRequest, facts: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, "support/tickets/guest_new.html", facts | SIZES, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@told
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the message; a program that only opens links sends none."""
    found = guests.confirm(token) if request.method == "POST" else guests.of_link(token)
    if isinstance(found, Ticket):
        return redirect("guest_ticket", guests.token_of(found))
    return render(request, "support/tickets/guest_confirm.html", {"made": found})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@told
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The chat; with `part` its messages alone. POST writes, or says that it is solved."""
    ticket = guests.of_page(token)
    if request.method != "POST":
        return _chat(request, ticket)
    if request.POST.get("act") == "solved":
        services.solve(ticket)
        messages.success(request, _("Good to hear. Write here again if it comes back."))
        return redirect(request.path)
    return _written(request, ticket)


@limited("ticket_messages")
def _written(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    text = request.POST.get("text", "")
    form = MessageForm(data={"text": text})
    if not form.is_valid():
        wrong = " ".join(sentence for found in flattened(form.errors).values() for sentence in found)
        return _chat(request, ticket, status=422, text=text, wrong=wrong)
    try:
        key = request.POST.get("key", "")[:255] or None
        services.write(ticket, **form.validated_data, key=key)
    except DomainError as error:
        return _chat(request, ticket, status=error.status, text=text, wrong=sentence_of(error))
    return redirect(f"{request.path}#write")


def _chat(request: HttpRequest, ticket: Ticket, *, status: int = 200, **facts: Any) -> HttpResponse:
    shown = [show_message(message) for message in messages_of(ticket)]
    facts |= {
        "ticket": ticket,
        "said": shown,
        "key": secrets.token_urlsafe(12),
        "here": request.path,
        **SIZES,
    }
    template = "_chat" if request.GET.get("part") else "guest_ticket"
    answer = render(request, f"support/tickets/{template}.html", facts, status=status)
    answer["X-Robots-Tag"] = "noindex"
    return answer
