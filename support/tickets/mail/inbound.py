"""POST /mail/inbound: whoever takes in our e-mail hands it over, as it came. docs/support.md."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from config.errors import DomainError, Malformed, NotAuthenticated, NotFound
from config.web import problems
from support.tickets.mail.receiving import receive

FIELDS = ("email", "body-mime")  # of a form: SendGrid's and Mailgun's names of the whole e-mail


@csrf_exempt
@require_POST
def inbound(request: HttpRequest) -> JsonResponse:
    try:
        _require_secret(request)
        return JsonResponse({"verdict": receive(_mail_in(request))})
    except DomainError as error:
        return problems.respond(error)


def _require_secret(request: HttpRequest) -> None:
    """Raises NotFound where no secret is set, and NotAuthenticated for a wrong one."""
    if not settings.INBOUND_MAIL_SECRETS:
        raise NotFound
    told = _told(request.headers.get("Authorization", "")).encode()
    if not any(hmac.compare_digest(told, secret.encode()) for secret in settings.INBOUND_MAIL_SECRETS):
        raise NotAuthenticated


def _told(header: str) -> str:
    """The secret: a Bearer token, or the password of HTTP Basic, as in https://mail:SECRET@host."""
    kind, _space, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _mail_in(request: HttpRequest) -> bytes:
    """Raises Malformed where there is none."""
    if request.content_type == "multipart/form-data":
        found: Any = (_field(request, name) for name in FIELDS)
        data = next((each for each in found if each), b"")
    else:
        data = request.read()  # `body` would refuse what is larger than a form without files
    if not data.strip():
        raise Malformed
    return data


def _field(request: HttpRequest, name: str) -> bytes:
    file: Any = request.FILES.get(name)
    return file.read() if file else request.POST.get(name, "").encode()
