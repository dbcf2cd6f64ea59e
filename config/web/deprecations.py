"""What of the API will go, and when: one table for its answers, its description, and the test that lets
nothing else go (tests/config/test_breaking.py)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecation:
    """From `sunset` on it may be gone. `link` is the page that says what to use instead."""

    since: date
    sunset: date
    link: str


# By operation ("GET /api/v1/twins/{ident}"), or by a part of one, in the words of tests/breaking.py
# ("GET /api/v1/twins < results.name").
TABLE: Mapping[str, Deprecation] = {}
PARAMETER = re.compile(r"<(?:[a-z]+:)?([a-z]+)>")


def rows_of(method: str, path: str) -> list[Deprecation]:
    """Those of an operation and of its parts, the first to go first. `path` is as in the description."""
    operation = f"{method} {path}"
    found = [row for name, row in TABLE.items() if name == operation or name.startswith(f"{operation} ")]
    return sorted(found, key=lambda row: row.sunset)


class DeprecationMiddleware:
    """Tells clients in Deprecation (RFC 9745) and Sunset (RFC 8594) what they use that will go."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if TABLE and request.resolver_match:
            path = "/" + PARAMETER.sub(r"{\1}", request.resolver_match.route)
            if rows := rows_of(request.method or "", path):
                _tell(response, rows[0])
        return response


def _tell(response: HttpResponse, row: Deprecation) -> None:
    response["Deprecation"] = f"@{_seconds(row.since)}"
    response["Sunset"] = http_date(_seconds(row.sunset))
    response["Link"] = f'<{row.link}>; rel="deprecation"'


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
