"""Gives each request an id, logs one line about it (method, route, status, time) and traces it."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config import logs, traces

log = logging.getLogger("photoflux.request")

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")  # by a proxy of ours
QUIET = ("/healthz", "/readyz", "/metrics", settings.STATIC_URL)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class LogMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        ident = _ident(request)
        request.log_id = ident  # type: ignore[attr-defined]
        with logs.request(ident, request):
            quiet = request.path.startswith(QUIET)
            response = self.get_response(request) if quiet else self._told(request, ident)
        response[HEADER] = ident
        return response

    def _told(self, request: HttpRequest, ident: str) -> HttpResponse:
        began = time.perf_counter_ns()
        with traces.span("request", traces.SERVER, trace=ident) as span:
            response = self.get_response(request)
            facts = _facts(request, response)
            said = f"{facts['http.request.method']} {facts['url.path']}"
            if span:
                span.name, span.facts = said, facts
                span.status = traces.ERROR if response.status_code >= 500 else traces.OK
        ecs = facts | {"event.duration": time.perf_counter_ns() - began}
        log.info("%s %s", said, response.status_code, extra={"ecs": ecs})
        return response


def _ident(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "") if settings.PROXIES else ""
    return given if GIVEN.fullmatch(given) else uuid.uuid4().hex


def _facts(request: Any, response: HttpResponse) -> dict[str, Any]:
    return {
        "http.request.method": request.method if request.method in METHODS else "-",
        "http.response.status_code": response.status_code,
        "url.path": logs.route_of(request),
    }
