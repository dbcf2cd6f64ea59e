"""Errors as RFC 9457 problem+json for the API and as a page for people."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent, ValidationError
from django.db import DataError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.views import exception_handler

from config.errors import (
    DomainError,
    FileTooLarge,
    Forbidden,
    Forged,
    Internal,
    Invalid,
    Malformed,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
    Unavailable,
)

log = logging.getLogger(__name__)

JSON = "application/problem+json"
ALLAUTH = ("/_allauth/", "/accounts/")
AGAIN = (408, 429, 500, 503)  # what may work when it is asked for once more

# The exceptions of Django REST framework -> (code, sentence).
FRAMEWORK_ERRORS: dict[type[Exception], tuple[str, Callable[[], str]]] = {
    exceptions.ParseError: ("malformed", lambda: str(Malformed.message)),
    exceptions.NotAuthenticated: ("not_authenticated", lambda: str(NotAuthenticated.message)),
    exceptions.AuthenticationFailed: ("not_authenticated", lambda: str(NotAuthenticated.message)),
    exceptions.PermissionDenied: ("not_found", lambda: str(NotFound.message)),
    exceptions.MethodNotAllowed: ("method_not_allowed", lambda: str(MethodNotAllowed.message)),
    exceptions.UnsupportedMediaType: (
        "unsupported_media_type",
        lambda: _("This address does not read this kind of body."),
    ),
    exceptions.Throttled: ("rate_limited", lambda: str(RateLimited.message)),
    exceptions.NotAcceptable: (
        "malformed",
        lambda: _("Nothing here is of the kind you accept. Accept application/json."),
    ),
}


def body(code: str, http: int, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"/api/docs#problem-{code}",
        "title": code.replace("_", " "),
        "status": http,
        "detail": detail,
        "code": code,
        **more,
    }


def respond(error: DomainError) -> JsonResponse:
    more = {"errors": error.errors} if error.errors else {}
    answer = JsonResponse(
        body(error.code, error.status, error.detail, **more, **error.extra),
        status=error.status,
        content_type=JSON,
    )
    return with_headers(answer, error)


def with_headers(answer: Any, error: DomainError) -> Any:
    for name, value in getattr(error, "headers", {}).items():
        answer[name] = value
    return answer


def handle(error: Exception, context: dict[str, Any]) -> Any:
    """Django REST framework's exception handler."""
    error = as_domain_error(error)
    if isinstance(error, exceptions.ValidationError):
        error = Invalid(errors=flattened(error.detail))
    if isinstance(error, DomainError):
        return respond(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    code, sentence = next(
        (v for kind, v in FRAMEWORK_ERRORS.items() if isinstance(error, kind)),
        _by_status(response.status_code),
    )
    http = 404 if code == "not_found" else response.status_code
    answer = JsonResponse(body(code, http, sentence()), status=http, content_type=JSON)
    for name in ("WWW-Authenticate", "Allow", "Retry-After"):
        if name in response.headers:
            answer[name] = response.headers[name]
    return answer


def as_domain_error(error: Exception) -> Exception:
    """The DomainError for a library's exception about bad input; any other exception unchanged."""
    if isinstance(error, RequestDataTooBig):
        return FileTooLarge(megabytes=settings.MAX_UPLOAD // 2**20)
    if isinstance(error, FileNotFoundError):  # deleted after the row was read
        return NotFound()
    if isinstance(error, (RecursionError, UnicodeEncodeError, TooManyFilesSent, TooManyFieldsSent)):
        return Malformed()
    if isinstance(error, DataError):  # a text with NUL, say, in a place that no form checks
        log.warning("the database refused a value", exc_info=error)
        return Malformed()
    return Unavailable() if isinstance(error, OperationalError) else error


def _by_status(http: int) -> tuple[str, Callable[[], str]]:
    if http == status.HTTP_404_NOT_FOUND:
        return "not_found", lambda: str(NotFound.message)
    return "invalid", lambda: str(Invalid.message)


def flattened(detail: Any, path: str = "") -> dict[str, list[str]]:
    """A serializer's nested errors as {"field.part": [sentence, ...]}."""
    if isinstance(detail, dict):
        return {
            k: v
            for name, part in detail.items()
            for k, v in flattened(part, f"{path}.{name}".strip(".")).items()
        }
    if isinstance(detail, list) and any(isinstance(part, (dict, list)) for part in detail):
        return {
            k: v
            for i, part in enumerate(detail)
            for k, v in flattened(part, f"{path}.{i}".strip(".")).items()
        }
    return {
        path or "non_field_errors": [str(part) for part in (detail if isinstance(detail, list) else [detail])]
    }


def _of_allauth() -> RateLimited:
    """allauth says 429 without a body or a time. Its limits here are of a minute."""
    error = RateLimited()
    error.headers = {"Retry-After": "60"}  # type: ignore[attr-defined]
    return error


class ProblemMiddleware:
    """Answers the DomainErrors that plain Django views raise, as answer_to does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if answer.status_code == 429 and request.path.startswith(ALLAUTH) and "Retry-After" not in answer:
            return answer_to(request, _of_allauth())
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        error = as_domain_error(error)
        return answer_to(request, error) if isinstance(error, DomainError) else None


def answer_to(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The answer to an error: problem+json under /api/, a page elsewhere."""
    if request.path.startswith(("/api/", "/_allauth/")):
        return respond(error)
    facts = {"error": error, "again": _again(request, error), "until": _until(error)}
    return with_headers(render(request, "error.html", facts, status=error.status), error)


def _again(request: HttpRequest, error: DomainError) -> str:
    """Where to try again: the page whose form was sent, or this one if that makes sense; or ""."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path() if error.status in AGAIN else ""
    return _page_before(request)


def _until(error: DomainError) -> datetime | None:
    """When to try again, if the error says so: in whole minutes, which is how the page tells it."""
    minutes = math.ceil(int(getattr(error, "headers", {}).get("Retry-After", 0)) / 60)
    return timezone.now() + timedelta(minutes=minutes, seconds=1) if minutes else None


def _page_before(request: HttpRequest) -> str:
    """The page of ours that the user came from, or ""."""
    back = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if ours else ""


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer_to(request, NotFound())


def malformed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    found = as_domain_error(exception) if exception else Malformed()
    return answer_to(request, found if isinstance(found, DomainError) else Malformed())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer_to(request, Forged())


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404 under /api/; elsewhere a page with 403, for staff who lack a permission."""
    return answer_to(request, NotFound() if request.path.startswith("/api/") else Forbidden())


def broken(request: HttpRequest) -> HttpResponse:
    return answer_to(request, Internal())


def sentence_of(error: DomainError) -> str:
    """What a page says of a refusal: the sentences about its fields, if it has any."""
    return " ".join(text for texts in error.errors.values() for text in texts) or error.detail


def told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorates a page: shows a refusal as a message on the page the user came from. NotFound stays 404."""

    @functools.wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound:
            raise
        except (DomainError, exceptions.ValidationError, ValidationError) as error:
            refused = error if isinstance(error, DomainError) else Invalid()
            messages.error(request, sentence_of(refused))
            if request.method == "GET":  # an invalid query: show the page without the query
                return redirect(request.path)
            return redirect(_page_before(request) or "/")

    return page
