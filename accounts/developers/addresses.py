"""Where webhooks may go: public addresses, by https.

A host is resolved once for each try. If any of its addresses is not public the try is refused, and the
connection goes to an address that was checked: a name cannot change in between.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ml.remote.addresses import is_public

MOST_URL = 500  # characters
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")  # the last label of an address, in whatever spelling


class Refused(Exception):
    """This address may not be used. The text tells the owner why."""


@dataclass(frozen=True)
class Target:
    """The parts of an address, as they are sent."""

    scheme: str
    host: str  # ASCII, without brackets
    port: int
    path: str  # with the query

    @property
    def netloc(self) -> str:
        """The header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return host if usual else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Raises Refused for what is no address that a webhook may have."""
    if len(url) > MOST_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        raise Refused(_("Send an address of at most 500 characters, without spaces."))
    try:
        parts = urlsplit(url)
        host, port = _ascii(parts.hostname or ""), parts.port
    except (ValueError, idna.IDNAError):
        raise Refused(_("This is no address. Send one like https://example.com/hook.")) from None
    if parts.scheme != "https" and not (settings.WEBHOOK_PRIVATE and parts.scheme == "http"):
        raise Refused(_("The address must begin with https://."))
    if "@" in parts.netloc or parts.fragment or not host:
        raise Refused(_("Leave out names, passwords and what follows a #."))
    if not f"{parts.path}{parts.query}".isascii():
        raise Refused(_("Behind the host, use ASCII letters alone; others are percent-encoded."))
    target = Target(
        parts.scheme,
        host,
        port or (443 if parts.scheme == "https" else 80),
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    _check(target)
    return target


def _ascii(host: str) -> str:
    """In small ASCII letters; full-width digits and the like become plain ones."""
    return host if ":" in host else idna.encode(host, uts46=True).decode().lower()


def _check(target: Target) -> None:
    if settings.WEBHOOK_PRIVATE:
        return
    if target.port not in settings.WEBHOOK_PORTS:
        raise Refused(_("This port is not allowed. Use 443."))
    if _is_literal(target.host):
        if not is_public(target.host):
            raise Refused(_("This address is not public."))
    elif NUMBER.fullmatch(target.host.rstrip(".").rpartition(".")[2]):
        raise Refused(_("This is no address. Send one like https://example.com/hook."))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def resolve(target: Target) -> str:
    """The address to connect to. Raises Refused when any address of the host is not public, and
    socket.gaierror."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if not settings.WEBHOOK_PRIVATE and not all(map(is_public, addresses)):
        raise Refused(_("This address is not public."))
    return min(addresses, key=lambda address: ":" in address)  # IPv4 is reachable more often
