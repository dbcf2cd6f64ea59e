"""Gives each request an id and logs one line about it: method, route, status and time."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config import logs

log = logging.getLogger("photoflux.request")

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")  # by a proxy of ours
QUIET = ("/healthz", "/readyz", "/metrics", settings.STATIC_URL)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class LogMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        ident, began = _ident(request), time.perf_counter_ns()
        request.log_id = ident  # type: ignore[attr-defined]
        with logs.request(ident, request):
            response = self.get_response(request)
            if not request.path.startswith(QUIET):
                _tell(request, response, time.perf_counter_ns() - began)
        response[HEADER] = ident
        return response


def _ident(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "") if settings.PROXIES else ""
    return given if GIVEN.fullmatch(given) else uuid.uuid4().hex


def _tell(request: Any, response: HttpResponse, nanoseconds: int) -> None:
    route = logs.route_of(request)
    method = request.method if request.method in METHODS else "-"
    facts = {
        "http.request.method": method,
        "http.response.status_code": response.status_code,
        "url.path": route,
        "event.duration": nanoseconds,
    }
    log.info("%s %s %s", method, route, response.status_code, extra={"ecs": facts})
