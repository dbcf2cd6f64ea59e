"""The pages about privacy, and the request of people without an account."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import retention
from accounts.privacy import documents, requests
from accounts.privacy.forms import RequestForm
from config.errors import RateLimited
from config.web.problems import told
from config.web.ratelimit import limited


@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    facts = {
        "companies": documents.companies(),
        "cookies": documents.COOKIES,
        "bucket": documents.is_in_a_bucket(),
        "sms": documents.SMS_COMPANIES.get(settings.SMS_SENDER),
        "stripe": bool(settings.STRIPE_SECRET_KEYS),
        "push": bool(settings.VAPID_PRIVATE_KEY),
        "telemetry": urlsplit(settings.POSTHOG_HOST).hostname if settings.POSTHOG_KEY else "",
        "signal": request.headers.get("Sec-GPC") == "1",
    }
    return render(request, "accounts/privacy/policy.html", documents.facts("privacy") | facts)


@require_GET
def retained(request: HttpRequest) -> HttpResponse:
    facts = documents.facts("retention") | {"groups": retention.GROUPS}
    return render(request, "accounts/privacy/retention.html", facts)


@require_GET
def imprint(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/privacy/imprint.html", documents.facts("imprint"))


@require_GET
def ai(request: HttpRequest) -> HttpResponse:
    facts = documents.facts("ai") | {"engines": documents.engines()}
    return render(request, "accounts/privacy/ai.html", facts)


@require_GET
def gpc(request: HttpRequest) -> HttpResponse:
    """Says that Global Privacy Control is honoured, in the form of its specification."""
    changed = documents.DOCUMENTS["privacy"].changed.isoformat()
    return JsonResponse({"gpc": True, "lastUpdate": changed})


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    form = RequestForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            return _recorded(request, form)
        except RateLimited as refused:  # with the form, so that nothing typed is lost
            form.add_error(None, str(refused.detail))
            status = 429
    return render(request, "accounts/privacy/request.html", {"form": form}, status=status)


@limited("privacy_request")
def _recorded(request: HttpRequest, form: RequestForm) -> HttpResponse:
    language = translation.get_language() or settings.LANGUAGE_CODE
    made = requests.ask(**form.cleaned_data, language=language)
    return render(request, "accounts/privacy/asked.html", {"made": made})


@never_cache
@require_http_methods(["GET", "POST"])
@told
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the requests of the address; a program that only opens links confirms none."""
    if request.method == "POST":
        requests.prove(token, number=request.POST.get("number", ""))
        return redirect("privacy_confirm", token)
    return render(request, "accounts/privacy/confirm.html", {"found": requests.of_link(token)})
