"""What services say, read strictly: JSON, of which Python's own reader also takes NaN, names twice and huge
numbers; ids and addresses."""

from __future__ import annotations

import json
from typing import Any, TypeGuard
from urllib.parse import urlsplit

DEEPEST = 50  # nested lists and objects
DIGITS = 40  # of a whole number
MOST_PARTS = 200_000  # lists, objects and their members: each takes some 60 bytes of memory
MOST_ID = 100  # characters of a request's id


class BadJson(ValueError):
    """Not JSON, or JSON that two readers would read differently."""


def parse(data: bytes) -> Any:
    """Raises BadJson for anything but UTF-8 JSON with finite numbers and each name once in its object."""
    if sum(map(data.count, (b"[", b"{", b","))) > MOST_PARTS:
        raise BadJson("it has too many parts")
    try:
        found = json.loads(
            data.decode(),
            parse_constant=_refuse,
            parse_int=_whole,
            parse_float=_finite,
            object_pairs_hook=_once,
        )
        return _not_deeper(found, DEEPEST)
    except (ValueError, RecursionError) as e:
        raise BadJson(str(e)) from e


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError("a number has too many digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _not_deeper(value: Any, left: int) -> Any:
    if not left:
        raise ValueError("it is nested too deeply")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _not_deeper(each, left - 1)
    return value


def is_id(found: object) -> TypeGuard[str]:
    """Letters, digits and hyphens: an id becomes part of an address."""
    plain = isinstance(found, str) and len(found) <= MOST_ID and found.isascii()
    return plain and str(found).replace("-", "").isalnum()


def is_address(found: object, most: int) -> TypeGuard[str]:
    """A web address of at most `most` characters, all of them printable ASCII."""
    if not isinstance(found, str) or not 0 < len(found) <= most:
        return False
    try:
        parts = urlsplit(found)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return whole and found.isascii() and found.isprintable() and " " not in found
