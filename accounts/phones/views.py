"""Pages of phone numbers: log-in and sign-up by a code, one's number, and a code in place of a password."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import consents
from accounts.confirm import require_proof_in_form
from accounts.models import Kind
from accounts.phones import entering, numbers, sending, services
from accounts.phones.forms import CodeForm, NumberForm
from accounts.phones.models import Channel, PhoneCode, Purpose
from accounts.phones.serializers import offers_email
from config.errors import DomainError
from config.web.afterwards import afterwards
from config.web.problems import sentence_of, told
from config.web.ratelimit import limited

ASKED = {Purpose.ENTER: "phone_asked", Purpose.CHANGE: "phone_change"}  # keys of the session


# ---------------------------------------------------------------- logging in and signing up


def entrance(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorates a page for who is not logged in; the others go on to where a log-in leads."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return view(request)

    return page


@never_cache
@require_http_methods(["GET", "POST"])
@entrance
def enter(request: HttpRequest) -> HttpResponse:
    """Asks for a number. `channel` of the form is `email` where no text message comes."""
    if not settings.SMS_SENDER:
        raise Http404
    form = _number_form(request)
    if request.method == "POST" and form.is_valid():
        try:
            return _asked(request, form.cleaned_data["phone"])
        except DomainError as error:
            form.add_error(None, sentence_of(error))
            return _number_page(request, form, status=error.status, stuck=form.cleaned_data["phone"])
    return _number_page(request, form)


def _number_form(request: HttpRequest) -> NumberForm:
    languages = request.headers.get("Accept-Language", "")
    return NumberForm(request.POST if request.method == "POST" else None, languages=languages)


def _number_page(
    request: HttpRequest, form: NumberForm, *, status: int = 200, stuck: str = ""
) -> HttpResponse:
    facts = {"form": form, "stuck": stuck, "then": _next(request)}
    return render(request, "accounts/phones/enter.html", facts, status=status)


def _asked(request: HttpRequest, phone: str) -> HttpResponse:
    channel = Channel.EMAIL if request.POST.get("channel") == Channel.EMAIL else Channel.SMS
    row = entering.ask(request, phone, purpose=Purpose.ENTER, channel=channel)
    request.session[ASKED[Purpose.ENTER]] = {"id": str(row.id), "then": _next(request)}
    return redirect("phone_code")


def _next(request: HttpRequest) -> str:
    where = request.POST.get("next") or request.GET.get("next") or ""
    return where if url_has_allowed_host_and_scheme(where, None) else ""


@never_cache
@require_http_methods(["GET", "POST"])
@entrance
def enter_code(request: HttpRequest) -> HttpResponse:
    row, form = _open(request, Purpose.ENTER), CodeForm(request.POST or None)
    if row is None:
        return redirect("phone_enter")
    if request.method == "POST" and form.is_valid():
        try:
            return _entered(request, row, form)
        except DomainError as error:
            form.add_error("code", sentence_of(error))
    return _code_page(request, row, form)


@limited("code_guesses")
def _entered(request: HttpRequest, row: PhoneCode, form: CodeForm) -> Any:
    asked, typed = request.session[ASKED[Purpose.ENTER]], form.cleaned_data
    answer = entering.enter(request, row.id, typed["code"], terms=typed["terms"], then=asked["then"])
    request.session.pop(ASKED[Purpose.ENTER], None)
    return answer


def _open(request: HttpRequest, purpose: Purpose) -> PhoneCode | None:
    """The code that this session asked for."""
    asked = request.session.get(ASKED[purpose], {})
    return PhoneCode.objects.filter(pk=asked.get("id"), purpose=purpose).first()


def _code_page(request: HttpRequest, row: PhoneCode, form: CodeForm) -> HttpResponse:
    version, wording = consents.WORDING[Kind.TERMS]
    facts = {
        "form": form,
        "masked": numbers.masked(row.phone),
        "change": row.purpose == Purpose.CHANGE,
        "then": request.session[ASKED[Purpose(row.purpose)]].get("then", ""),
        "version": version,
        "wording": wording,
        "tab": "account" if row.user_id else "",
    }
    return render(request, "accounts/phones/code.html", facts | _facts(row))


def _facts(row: PhoneCode) -> dict[str, Any]:
    offered = offers_email(row)
    return {
        "row": row,
        "offered": offered and row.purpose == Purpose.ENTER,
        "waits": not offered and row.open,
    }


@never_cache
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """What became of the message: a part of the page with the code's field, which asks again and again."""
    row = _open(request, Purpose.CHANGE if request.GET.get("of") == Purpose.CHANGE else Purpose.ENTER)
    if row is None:
        raise Http404
    return render(request, "accounts/phones/_state.html", _facts(row))


# ---------------------------------------------------------------- one's own number


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    form = _number_form(request)
    if request.method == "POST" and form.is_valid():
        try:
            return _asked_to_change(request, form.cleaned_data["phone"])
        except DomainError as error:
            form.add_error(None, sentence_of(error))
    phone = request.user.phone  # type: ignore[union-attr]
    facts = {
        "form": form,
        "phone": phone and numbers.shown(phone),
        "on": settings.SMS_SENDER,
        "tab": "account",
    }
    return render(request, "accounts/phones/mine.html", facts)


def _asked_to_change(request: HttpRequest, phone: str) -> HttpResponse:
    require_proof_in_form(request)
    row = entering.ask(request, phone, purpose=Purpose.CHANGE, user=request.user)
    request.session[ASKED[Purpose.CHANGE]] = {"id": str(row.id)}
    return redirect("my_phone_code")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def change_code(request: HttpRequest) -> HttpResponse:
    row, form = _open(request, Purpose.CHANGE), CodeForm(request.POST or None)
    if row is None or row.user_id != request.user.pk:
        return redirect("my_phone")
    if request.method == "POST" and form.is_valid():
        try:
            return _changed(request, row, form.cleaned_data["code"])
        except DomainError as error:
            form.add_error("code", sentence_of(error))
    return _code_page(request, row, form)


@limited("code_guesses")
def _changed(request: HttpRequest, row: PhoneCode, typed: str) -> HttpResponse:
    spent = services.spend(row.pk, typed, purpose=Purpose.CHANGE, user=request.user)
    services.set_phone(request.user, spent)
    return _told_of_change(request, _("This is your phone number now: %(phone)s"))


def _told_of_change(request: HttpRequest, said: str) -> HttpResponse:
    request.session.pop(ASKED[Purpose.CHANGE], None)
    afterwards(request, partial(sending.tell_change, request.user))
    phone = request.user.phone  # type: ignore[union-attr]
    messages.success(request, said % {"phone": numbers.shown(phone) if phone else ""})
    return redirect("my_phone")


@login_required
@require_POST
@told
def remove(request: HttpRequest) -> HttpResponse:
    require_proof_in_form(request)
    services.remove_phone(request.user)
    return _told_of_change(request, _("The number is removed."))


@login_required
@require_POST
@told
def send_proof(request: HttpRequest) -> HttpResponse:
    """The button beside a field that asks for a password, for who has none: sends a code, and goes back."""
    entering.ask_proof(request)
    messages.success(request, _("A code is on its way to your phone. Type it here."))
    back = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if ours else "account")
