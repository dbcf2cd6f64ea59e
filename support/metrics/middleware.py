"""Answers Prometheus, and counts requests by django-prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django_prometheus.middleware import PrometheusAfterMiddleware

from support.metrics import exposition


class MetricsMiddleware:
    """Stands before what looks at the host's name: Prometheus asks by the address of a process. For whoever
    may not read it, there is no page here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.path == "/metrics" and request.method == "GET"
        return exposition.answer() if asked and exposition.may_read(request) else self.get_response(request)


class CountingMiddleware(PrometheusAfterMiddleware):
    """Stands before the others, so that it also counts what they answer.

    django-prometheus uses the method as a label as it was sent: anybody could make ever more series.
    """

    def label_metric(self, metric: Any, request: Any, response: Any = None, **labels: Any) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
