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

MOST_URL = 500  # characters
IP = ipaddress.IPv4Address | ipaddress.IPv6Address
# Public by their registration, and yet no place for a request of ours.
SHUT = [
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32",  # Azure's metadata
        "192.0.0.0/24",  # protocols; Oracle's metadata among them
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo, ORCHID and other protocols (RFC 2928)
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
]
UNICAST = ipaddress.ip_network("2000::/3")  # all else is local, or holds an IPv4 address (NAT64, mapped)
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
    literal = _literal(target.host)
    if literal is None and NUMBER.fullmatch(target.host.rstrip(".").rpartition(".")[2]):
        raise Refused(_("This is no address. Send one like https://example.com/hook."))
    if literal is not None and not is_public(literal):
        raise Refused(_("This address is not public."))


def _literal(host: str) -> IP | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(address: IP) -> bool:
    if any(address in network for network in SHUT if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address.scope_id is None and address in UNICAST and address.is_global
    return address.is_global and not (address.is_multicast or address.is_reserved)


async def resolve(target: Target) -> str:
    """The address to connect to. Raises Refused when any address of the host is not public, and
    socket.gaierror."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    if not settings.WEBHOOK_PRIVATE and not all(map(is_public, addresses)):
        raise Refused(_("This address is not public."))
    return str(min(addresses, key=lambda address: address.version))  # IPv4 is reachable more often
