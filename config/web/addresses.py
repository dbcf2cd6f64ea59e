"""Finds the id in the address of a page or file of ours."""

from __future__ import annotations

import re

UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def uuid_in(address: str, *places: str) -> str | None:
    """The id right behind one of these words of the path: "/gallery/<id>/" for "gallery"."""
    found = re.search(rf"/(?:{'|'.join(map(re.escape, places))})/({UUID})(?![^/?#])", address)
    return found[1].lower() if found else None
