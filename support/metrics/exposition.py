"""/metrics in Prometheus' format, and who may read it."""

from __future__ import annotations

import os
from hmac import compare_digest
from ipaddress import ip_address

import prometheus_client
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, multiprocess

from support.metrics.collector import registry

PROXIED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


def answer() -> HttpResponse:
    text = prometheus_client.generate_latest(_requests()) + prometheus_client.generate_latest(registry)
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(text, content_type=prometheus_client.CONTENT_TYPE_PLAIN_0_0_4, headers=headers)


def may_read(request: HttpRequest) -> bool:
    return _has_token(request) or _is_near(request)


def _has_token(request: HttpRequest) -> bool:
    said = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and compare_digest(said.encode(), wanted.encode())


def _is_near(request: HttpRequest) -> bool:
    """Whether it comes from a listed network, and not through a proxy, which is in one of them too."""
    if any(name in request.headers for name in PROXIED):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.METRICS_FROM)


def _requests() -> CollectorRegistry:
    """The requests of this process; of all processes that share PROMETHEUS_MULTIPROC_DIR where it is set."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.REGISTRY
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared
