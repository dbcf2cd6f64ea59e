"""Prompts to start from, and completions of a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

WHOLE: tuple[Any, ...] = (
    _("smiling, in a park, wearing a red hoodie"),
    _("in an office, wearing a black suit and tie, soft light"),
    _("laughing on a beach, warm light"),
    _("in the city at night, wearing a leather jacket"),
    _("in the mountains, wearing a knitted sweater, daylight"),
    _("in a library, wearing round glasses"),
    _("at sunset, wearing a white shirt, backlight"),
    _("grey studio background, wearing a turtleneck, side light"),
)
PARTS: tuple[Any, ...] = (
    _("smiling"),
    _("laughing"),
    _("neutral expression"),
    _("surprised"),
    _("in a park"),
    _("in an office"),
    _("on a beach"),
    _("in the city at night"),
    _("in the mountains"),
    _("in a library"),
    _("at sunset"),
    _("white background"),
    _("wearing a blue t-shirt"),
    _("wearing a black suit and tie"),
    _("wearing a red hoodie"),
    _("wearing a leather jacket"),
    _("wearing round glasses"),
    _("wearing a hat"),
    _("soft light"),
    _("warm light"),
    _("side light"),
    _("backlight"),
)
COMMA = re.compile("(?s)(.*)([,，、])(.*)")
MOST, OWN = 8, 3
LOOKED_AT = 200  # how many of the user's newest prompts are searched


def suggest(begun: str, own: Iterable[str] = ()) -> list[str]:
    """Prompts that begin with `begun`: the user's newest ones first, then curated ones.

    For an empty `begun`, the curated ones are whole prompts. Otherwise each completes the text after the last
    comma with a part that the prompt does not contain yet.
    """
    text = begun.strip()[:1000]
    mine = list(dict.fromkeys(p for p in own if p.lower().startswith(text.lower()) and p != text))[:OWN]
    return list(dict.fromkeys(mine + _curated(text)))[:MOST]


def _curated(text: str) -> list[str]:
    if not text:
        return [str(w) for w in WHOLE]
    found = COMMA.match(text)
    before, comma, last = found.groups() if found else ("", "", text)
    stem = last.strip().lower()
    fitting = [
        str(p) for p in PARTS if str(p).lower().startswith(stem) and str(p).lower() not in before.lower()
    ]
    gap = " " if comma == "," else ""  # none after a full-width comma
    return [f"{before}{comma}{gap}{p}" if before else p for p in fitting]
