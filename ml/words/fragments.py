"""Finds Chinese terms: fragments of regular expressions, tried only where one of them can begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Found:
    """A term of the list `name` at [start, end) of the words or of the Chinese text."""

    name: str
    start: int
    end: int
    text: str


class Fragments:
    """The fragments of several lists, by the characters that they can begin with."""

    def __init__(self, lists: dict[str, list[str]]):
        self.by_first: dict[str, dict[str, list[str]]] = {}
        for name, fragments in lists.items():
            for fragment in fragments:
                for first in firsts(fragment):
                    self.by_first.setdefault(first, {}).setdefault(name, []).append(fragment)
        self.at = lru_cache(maxsize=None)(self._at)

    def _at(self, first: str) -> list[tuple[str, re.Pattern[str]]]:
        lists = self.by_first.get(first, {})
        return [(name, re.compile("|".join(found))) for name, found in lists.items()]

    def find(self, text: str) -> Iterator[Found]:
        for at, char in enumerate(text):
            if char in self.by_first:
                for name, pattern in self.at(char):
                    if match := pattern.match(text, at):
                        yield Found(name, at, match.end(), match[0])


def firsts(fragment: str) -> set[str]:
    """The characters that a fragment can begin with: literals, [sets], (groups), each maybe with ? or *."""
    found: set[str] = set()
    for alternative in _alternatives(fragment):
        head, rest = _head(alternative)
        if head[0] == "(":
            inner = head[1:-1].removeprefix("?:")
            found |= set() if inner.startswith("?") else firsts(inner)
            rest = rest if not inner.startswith("?") else f"?{rest}"
        else:
            found |= set(head.strip("[]"))
        if rest[:1] in ("?", "*") and rest[1:]:
            found |= firsts(rest[1:])
    return found


def _head(text: str) -> tuple[str, str]:
    """The first part of a fragment, a character, set or group, and what follows it."""
    if text[0] == "[":
        end = text.index("]") + 1
    elif text[0] == "(":
        depths, depth = [], 0
        for char in text:
            depth += (char == "(") - (char == ")")
            depths.append(depth)
        end = depths.index(0) + 1
    else:
        end = 1
    return text[:end], text[end:]


def _alternatives(text: str) -> list[str]:
    """What the |s outside of groups separate."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part]
