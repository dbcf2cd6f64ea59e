"""Where services tell that a request has ended."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.engines import webhooks
from config.errors import DomainError
from config.web import problems


@csrf_exempt
@require_POST
def fal_hook(request: HttpRequest, reference: Any) -> HttpResponse:
    """200 for a signed webhook, whether or not it changes anything: the service sends others again."""
    try:
        changed = webhooks.receive(reference, request.headers, request.body)
    except DomainError as error:
        return problems.respond(error)
    return JsonResponse({"state": "noted" if changed else "ignored"})
