"""JSON from elsewhere, read strictly: Python's own reader also takes NaN, names twice and huge numbers."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 50  # nested lists and objects
DIGITS = 40  # of a whole number


class BadJson(ValueError):
    """Not JSON, or JSON that two readers would read differently."""


def parse(data: bytes) -> Any:
    """Raises BadJson for anything but UTF-8 JSON with finite numbers and each name once in its object."""
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
