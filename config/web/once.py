"""What a page asks for again and again, read once: small tables that staff edit, as prices and offers."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

Reading = TypeVar("Reading", bound=Callable[..., Any])
_read: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


def once(read: Reading) -> Reading:
    """While a GET is answered, `read` is called once with the same (hashable, positional) arguments. All
    others read each time, since they may change what they read. Nobody may change what it returns."""

    @wraps(read)
    def found(*values: Any) -> Any:
        known = _read.get()
        if known is None:
            return read(*values)
        if (read, values) not in known:
            known[read, values] = read(*values)
        return known[read, values]

    return found  # type: ignore[return-value]


class OnceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _read.set({} if request.method == "GET" else None)
        try:
            return self.get_response(request)
        finally:
            _read.reset(token)
