"""Which addresses are public. A request whose target somebody else chose goes to no other: webhooks, push
messages, and the results of services."""

from __future__ import annotations

import ipaddress

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


def is_public(address: str) -> bool:
    """Raises ValueError for what is no address."""
    ip = ipaddress.ip_address(address)
    if any(ip in network for network in SHUT if network.version == ip.version):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.scope_id is None and ip in UNICAST and ip.is_global
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)
