"""Finds the names of people in Chinese text: foreign names by their characters, others beside a title.

A surname and a character or two are too ambiguous alone (黄昏, 高兴): who is well known is in people.txt.
"""

from __future__ import annotations

import re

from ml.words.lexicon import read_sets
from ml.words.once import once
from ml.words.spelling import CJK, TRADITIONAL

DOT = re.compile(rf"[{CJK}]{{1,8}}(?:[·・•‧.](?=[{CJK}])[{CJK}-]{{1,8}})+")
DOTS = re.compile("[·・•‧.-]")
# Particles and verbs that no given name of two characters has at its end or start.
NO_NAME = "的了在是和与地得着不一这那很也都就把被给让从到上下里中为个们样要会能可开"


@once
def sets() -> dict[str, frozenset[str]]:
    return read_sets("names_chinese")


@once
def sounds() -> str:
    return "".join(sets()["sounds"])


@once
def _alternatives(name: str) -> str:
    return "|".join(sorted(sets()[name], key=len, reverse=True))


@once
def patterns() -> list[re.Pattern[str]]:
    """Foreign names without a dot, Japanese names, and names beside a title."""
    named = f"[{''.join(sets()['surnames'])}][^{NO_NAME}\\W]{{1,2}}"
    return [
        re.compile(rf"(?<![{sounds()}])(?:{_alternatives('given')})[{sounds()}]{{2,6}}"),
        re.compile(rf"(?<![{CJK}])(?:{_alternatives('japanese')})[{CJK}]{{1,3}}(?![{CJK}])"),
        re.compile(rf"(?<![{CJK}])(?:{_alternatives('japanese')})[{CJK}]{{2}}(?=的|在|同款|穿|和|与)"),
        re.compile(rf"(?:{_alternatives('titles')})[ “「\"]?{named}(?![{CJK}])"),
        re.compile(rf"(?:{_alternatives('titles')}){named}(?=的|在|同款|穿|和|与|一样|微笑|唱|演)"),
        re.compile(rf"(?<![{CJK}]){named}(?=同款|本人|演唱会|的脸|的粉丝)"),
        re.compile(
            rf"(?:像|变成|换成|扮成|和|与|跟|P成){named}(?=一样|同款|合影|合照|自拍|本人|的脸|演唱会)"
        ),
    ]


def is_inside(start: int, end: int, text: str) -> bool:
    """Whether what looks like a name of two characters is parts of two words: 天马云海, 那英国小镇."""
    if end - start != 2:
        return False
    before, after = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    ends, starts = before in sets()["ending"], after in sets()["starting"]
    idiom = any(one in text[max(0, start - 2) : end + 2] for one in sets()["idioms"])
    return idiom or (ends and starts) or (text[start] == "那" and starts)


def find(folded: str) -> str:
    """The first name in folded text that is no style, brand or figure, or ""."""
    folded = folded.translate(TRADITIONAL)
    for match in DOT.finditer(folded):
        parts = DOTS.split(match[0])
        first, last = _sounds_at_end(parts[0]), _sounds_at_start(parts[-1])
        end = match.end() - len(parts[-1]) + len(last)
        if first and last and not _excused(f"{first}{''.join(parts[1:-1])}{last}", folded, end):
            return match[0]
    for pattern in patterns():
        for match in pattern.finditer(folded):
            if not _excused(match[0], folded, match.end()):
                return match[0]
    return ""


def _sounds_at_end(text: str) -> str:
    found = re.search(rf"[{sounds()}]*$", text)
    return found[0] if found else ""


def _sounds_at_start(text: str) -> str:
    found = re.match(rf"[{sounds()}]*", text)
    return found[0] if found else ""


def _excused(name: str, text: str, end: int) -> bool:
    if any(one in name for one in sets()["allowed"]) or name.startswith(tuple(sets()["no people"])):
        return True
    after = f"{name[-3:]}{text[end : end + 4]}"
    return any(one in after for one in sets()["styles"])
