"""A time limit for whole answers. The client's own timeouts begin anew with each byte, so a service that
sends one now and then, in headers or body, or takes ours so slowly, would hold a thread for ever."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

PIECE = 16_384  # bytes written at a time
_this = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread reads and writes ends by then, with the client's usual timeouts."""
    _this.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _this.until = None


def _left(timeout: float | None) -> float | None:
    """The shorter of a timeout and what is left. 0 or less when the time is over."""
    until = getattr(_this, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    return left if timeout is None else min(timeout, left)


class Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream):
        self.inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(timeout)
        if left is not None and left <= 0:
            raise httpcore2.ReadTimeout("the answer took too long")
        return self.inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            left = _left(timeout)
            if left is not None and left <= 0:
                raise httpcore2.WriteTimeout("the request was taken too slowly")
            self.inner.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        return Stream(self.inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class Backend(httpcore2.SyncBackend):
    def connect_tcp(self, *args: Any, **options: Any) -> Stream:
        return Stream(super().connect_tcp(*args, **options))


def transport(context: ssl.SSLContext, limits: httpx2.Limits) -> httpx2.HTTPTransport:
    """A transport that obeys `within`."""
    made = httpx2.HTTPTransport(verify=context, limits=limits, trust_env=False)
    made._pool = httpcore2.ConnectionPool(  # it offers no other way to give it a backend
        ssl_context=context,
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=limits.keepalive_expiry,
        network_backend=Backend(),
    )
    return made
