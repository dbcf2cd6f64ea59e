"""The page on which people say what they think of the product."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.web.problems import flattened
from config.web.ratelimit import limited
from support.feedback import services
from support.feedback.serializers import ProductFeedbackForm


@require_http_methods(["GET", "HEAD", "POST"])
def feedback(request: HttpRequest) -> HttpResponse:
    """What is refused is shown again with its words."""
    if request.method == "POST":
        return _sent(request)
    return _page(request, page=services.path_of(request.GET.get("page", "")))


@limited("product-feedback")
def _sent(request: HttpRequest) -> HttpResponse:
    page = services.path_of(request.POST.get("page", ""))
    form = ProductFeedbackForm(data={"text": request.POST.get("text", ""), "page": page})
    if not form.is_valid():
        facts = {"page": page, "text": request.POST.get("text", "")[:4000]}
        return _page(request, errors=flattened(form.errors), status=422, **facts)
    services.send_feedback(request.user if request.user.is_authenticated else None, **form.validated_data)
    messages.success(request, _("Thank you. We read everything."))
    return redirect(page or "landing")


def _page(request: HttpRequest, *, status: int = 200, **facts: Any) -> HttpResponse:
    return render(request, "support/feedback.html", facts, status=status)
