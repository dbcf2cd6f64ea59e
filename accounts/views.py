"""The pages of a user's account: profile, consents, archives and erasure."""

from __future__ import annotations

from typing import Any

from allauth.account.views import logout as end_this_session
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from accounts import consents, services, sessions
from accounts.confirm import require_proof_in_form
from accounts.forms import PrivacyForm, ProfileForm
from accounts.models import Export, Kind, User
from accounts.serializers import show_export
from config.errors import NotFound
from config.web.problems import told
from config.web.ratelimit import limited
from ml.catalogue import SERVICES


@login_required
def account(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        translation.activate(user.language)
        messages.success(request, _("Saved."))
        answer = redirect("account")
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            user.language,
            max_age=365 * 86400,
            secure=settings.SECURE,
            httponly=True,
            samesite="Lax",
        )
        return answer
    return render(request, "accounts/account.html", {"form": form, "tab": "account"})


def _about(consent: dict[str, Any]) -> dict[str, Any]:
    """A consent with what its withdrawal does, and the company that it is about, if any."""
    company = next((s for name, s in SERVICES.items() if consents.kind_of(name) == consent["kind"]), None)
    return consent | {"company": company, "effect": consents.WITHDRAWAL[consent["kind"]]}


def logout(request: HttpRequest) -> HttpResponse:
    """Also clears the browser's data: unsent photos, an unsent prompt, cached pages."""
    answer: HttpResponse = end_this_session(request)
    if not request.user.is_authenticated:
        answer["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@login_required
@require_POST
@told
def end_session(request: HttpRequest) -> HttpResponse:
    sessions.end_one(request.user, request.POST.get("id", ""), but=request.session.session_key)
    messages.success(request, _("That device is logged out."))
    return redirect("usersessions_list")


@require_GET
def terms(request: HttpRequest, version: str = "") -> HttpResponse:
    """The terms of use. Only the current version is here: who agreed to an older one has its wording."""
    now, wording = consents.WORDING[Kind.TERMS]
    if version not in ("", now):
        raise Http404
    return render(request, "accounts/terms.html", {"version": now, "wording": wording})


@login_required
@require_http_methods(["GET", "POST"])
@told
def consent(request: HttpRequest, kind: str) -> HttpResponse:
    """GET asks whether to withdraw, and says what that ends and deletes."""
    user: Any = request.user
    if request.method == "GET":
        return _ask_to_withdraw(request, kind)
    if request.POST.get("act") == "withdraw":
        consents.withdraw(user, kind=kind)
        messages.success(request, _("Withdrawn."))
    else:
        consents.give(user, kind=kind, version=request.POST.get("version", ""))
    return redirect("my_privacy")


def _ask_to_withdraw(request: HttpRequest, kind: str) -> HttpResponse:
    found = next((c for c in consents.current(request.user) if c["kind"] == kind and c["given"]), None)
    if found is None:
        raise NotFound
    facts = {
        "consent": found,
        "effect": consents.WITHDRAWAL[kind],
        "concerned": consents.concerned(request.user, kind),  # type: ignore[arg-type]
        "tab": "account",
    }
    return render(request, "accounts/withdraw.html", facts)


@login_required
@require_GET
def consent_history(request: HttpRequest) -> HttpResponse:
    facts = {"history": consents.history(request.user), "tab": "account"}  # type: ignore[arg-type]
    return render(request, "accounts/consents.html", facts)


@login_required
@require_http_methods(["GET", "POST"])
def privacy(request: HttpRequest) -> HttpResponse:
    """What one can decide about one's data."""
    user: Any = request.user
    form = PrivacyForm(request.POST if request.method == "POST" else None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("my_privacy")
    facts = {
        "form": form,
        "consents": list(map(_about, consents.current(user))),
        "adult_on": settings.ADULT_CONTENT,
        "exports": Export.objects.owned_by(user).shown().order_by("-created_at")[:5],
    }
    return render(request, "accounts/privacy.html", facts | {"tab": "account"})


@login_required
@require_POST
@told
@limited("exports")
def everything(request: HttpRequest) -> HttpResponse:
    require_proof_in_form(request)
    return redirect("archive", services.request_archive(request.user).id)


@login_required
@require_http_methods(["GET", "POST"])
@told
@limited("erasure")
def erase(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "accounts/erase.html", {"tab": "account"})
    require_proof_in_form(request)
    services.request_erasure(request.user)
    answer = logout(request)
    messages.success(request, _("Your account is being erased. We send you a receipt when it is done."))
    return answer


@login_required
@require_GET
def archive(request: HttpRequest, ident: str) -> HttpResponse:
    export = show_export(Export.objects.owned_by(request.user).get_or_404(ident))
    template = "accounts/_archive.html" if request.GET.get("part") else "accounts/archive.html"
    return render(request, template, {"export": export, "tab": "account"})


@require_POST
def switch_language(request: HttpRequest) -> HttpResponse:
    """Changes the language of the pages, and that of the profile, which mails are written in."""
    answer: HttpResponse = set_language(request)
    user, language = request.user, request.POST.get("language")
    if user.is_authenticated and language in dict(settings.LANGUAGES):
        User.objects.filter(id=user.id).update(language=language)
    return answer
