"""The pages /takedown/ and /takedown/<number>/, which need no account, and a decision with its appeal."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from config.errors import DomainError, Invalid, NotFound
from config.web.problems import flattened, told
from config.web.ratelimit import limited
from moderation.cases import deciding, services
from moderation.cases.forms import AppealForm, ReportForm, TakedownForm
from moderation.cases.models import Decision
from moderation.cases.reasons import REASONS
from moderation.cases.senders import file_takedown, sender_of
from moderation.cases.shown import show_decision, show_takedown


@never_cache
@require_http_methods(["GET", "POST"])
def takedown(request: HttpRequest) -> HttpResponse:
    """The form; what was typed stays in it when something is missing."""
    if request.method == "POST":
        try:
            return _file(request)
        except DomainError as error:
            facts = {"errors": error.errors, "refused": "" if error.errors else error.detail}
            return _form(request, status=error.status, **facts)
    return _form(request)


def _form(request: HttpRequest, status: int = 200, **facts: Any) -> HttpResponse:
    shown = {"reasons": REASONS, "good_faith": services.GOOD_FAITH, "said": request.POST}
    return render(request, "moderation/takedown.html", shown | facts, status=status)


@limited("takedowns")
def _file(request: HttpRequest) -> HttpResponse:
    typed = request.POST.dict()
    typed.pop("file", None)  # a browser sends an empty text where no file was chosen
    form = TakedownForm(data=typed | request.FILES.dict())
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    said = form.validated_data
    filed = file_takedown(sender_of(request, said["contact"]), said)
    if not filed.new:
        messages.info(request, _("You sent this before. It is the same case."))
    where = reverse("takedown_status", args=[filed.case.number])
    return redirect(f"{where}?secret={filed.secret}" if filed.secret else where)


@never_cache
@require_http_methods(["GET", "POST"])
def status(request: HttpRequest, number: str) -> HttpResponse:
    """The state, for who has the secret in the address or types the contact address."""
    secret, contact = request.GET.get("secret", "")[:64], request.POST.get("contact", "")[:254]
    facts: dict[str, Any] = {"number": number[:20], "secret": secret}
    if secret or contact:
        try:
            facts["case"] = _looked_up(request, number, secret, contact)
        except NotFound:
            facts["refused"] = _("There is no case of this number and address. Check both.")
    code = 404 if "refused" in facts else 200
    return render(request, "moderation/status.html", facts, status=code)


@limited("takedown_status")
def _looked_up(request: HttpRequest, number: str, secret: str, contact: str) -> Any:
    return show_takedown(services.takedown_of(number, secret=secret, contact=contact))


@never_cache
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, kind: str, ident: str) -> HttpResponse:
    """The form for what is shared or public, and the number of the case."""
    services.reportable(kind, ident)
    facts: dict[str, Any] = {"reasons": REASONS, "said": request.POST}
    if request.method == "POST":
        try:
            facts["case"] = _reported(request, kind, ident).case.number
        except Invalid as error:
            facts["errors"] = error.errors
    return render(request, "moderation/report.html", facts, status=422 if "errors" in facts else 200)


@limited("reports")
def _reported(request: HttpRequest, kind: str, ident: str) -> services.Filed:
    typed = {"subject": {"kind": kind, "id": ident}} | request.POST.dict()
    form = ReportForm(data=typed)
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    said = form.validated_data
    sender = sender_of(request)
    return services.report(sender, kind=kind, ident=ident, reason=said["reason"], text=said["text"])


@login_required
@require_http_methods(["GET", "POST"])
@told
def decision(request: HttpRequest, ident: str) -> HttpResponse:
    """What was decided and why, with an appeal."""
    found = Decision.objects.owned_by(request.user).select_related("case").get_or_404(ident)
    if request.method == "POST":
        form = AppealForm(data=request.POST)
        if not form.is_valid():
            raise Invalid(errors=flattened(form.errors))
        deciding.appeal(found, user=request.user, text=form.validated_data["text"])
        messages.success(request, _("We look at it once more, and write to you."))
        return redirect("decision", found.id)
    facts = {
        "decision": found,
        "shown": show_decision(found),
        "mine": found.took_from(request.user),
        "appealed": found.appeals.filter(user=request.user).exists(),
        "open": deciding.is_open_to_appeal(found),
    }
    return render(request, "moderation/decision.html", facts)
