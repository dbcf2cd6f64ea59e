"""Health checks for supervisors and load balancers."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, else 503.

    Redis is reported but does not count: without it work is late, not lost.
    """
    found = {"database": _database(), "redis": _redis()}
    return JsonResponse(found, status=200 if found["database"] else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return True
    except DatabaseError:
        return False


def _redis() -> bool:
    try:
        soon = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 0)}
        return bool(redis.Redis.from_url(settings.REDIS_URL, **soon).ping())
    except redis.RedisError:
        return False
