"""Sends one delivery: 15 seconds in all, no redirects, and no more than 64 kB of the answer is read."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache

import httpx2
from django.utils.translation import gettext_lazy as _

from accounts.developers import addresses
from accounts.developers.addresses import Target

log = logging.getLogger(__name__)

WHOLE = 15.0  # seconds
MOST_READ = 64 * 1024  # bytes
THROTTLED = (429, 502, 503, 504)  # where Retry-After counts
ERRORS = {
    "timeout": _("no answer within 15 seconds"),
    "address_refused": _("the address is not public"),
    "no_such_host": _("the host is not found"),
    "tls_failed": _("the certificate is not right"),
    "connection_failed": _("no connection"),
    "broken_answer": _("the answer cannot be read"),
}


@dataclass(frozen=True)
class Parcel:
    """What is sent, and where. `url` is checked again before it is sent: the settings may have changed."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Outcome:
    milliseconds: int
    status: int | None = None
    error: str = ""  # of ERRORS
    retry_after: int = 0  # seconds

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def new_client() -> httpx2.AsyncClient:
    """One for all endpoints. No connection is used twice: each goes to an address that was just checked."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx2.AsyncClient(trust_env=False, verify=_tls(), timeout=WHOLE, limits=limits)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def send(client: httpx2.AsyncClient, parcel: Parcel) -> Outcome:
    began = time.monotonic()
    status, retry_after, error = None, 0, ""
    try:
        async with asyncio.timeout(WHOLE):
            target = addresses.parse(parcel.url)
            status, retry_after = await _post(client, target, await addresses.resolve(target), parcel)
    except Exception as e:
        error = _name_of(e)
    return Outcome(round((time.monotonic() - began) * 1000), status, error, retry_after)


def _name_of(error: Exception) -> str:
    if isinstance(error, (TimeoutError, httpx2.TimeoutException)):
        return "timeout"
    if isinstance(error, addresses.Refused):
        return "address_refused"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "no_such_host"
    if isinstance(error, httpx2.ConnectError):
        return "tls_failed" if "SSL" in str(error) or "certificate" in str(error) else "connection_failed"
    if not isinstance(error, httpx2.HTTPError):
        log.warning("a webhook could not be sent: %r", error)
    return "broken_answer"


async def _post(client: httpx2.AsyncClient, target: Target, address: str, parcel: Parcel) -> tuple[int, int]:
    """The status, and the seconds of Retry-After."""
    host = f"[{address}]" if ":" in address else address
    request = client.build_request(
        "POST",
        f"{target.scheme}://{host}:{target.port}{target.path}",
        content=parcel.body,
        headers=parcel.headers | {"Host": target.netloc},
        extensions={"sni_hostname": target.host},  # the certificate is checked against the name
    )
    response = await client.send(request, stream=True)
    try:
        await _read(response)
    finally:
        await response.aclose()
    throttled = response.status_code in THROTTLED
    return response.status_code, _seconds(response.headers.get("Retry-After", "")) if throttled else 0


async def _read(response: httpx2.Response) -> None:
    """Reads the body, unless it is too long. Nothing is kept of it, or unpacked."""
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read >= MOST_READ:
            return


def _seconds(text: str) -> int:
    return min(int(text), 86400) if text.isascii() and text.isdigit() and len(text) < 9 else 0
