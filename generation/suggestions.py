"""Prompts to start from, and what completes one that was begun."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

NO_CONTROL = _("Control characters are not allowed in a prompt.")
STYLE_NAMES: dict[str, Any] = {
    "photorealistic": _("Photorealistic"), "cinematic": _("Cinematic"), "artistic": _("Artistic"), "anime": _("Anime"),
    "vintage": _("Vintage"), "noir": _("Film noir"), "watercolour": _("Watercolour"), "fantasy": _("Fantasy"),
}  # fmt: skip
QUALITY_NAMES: dict[str, Any] = {"draft": _("Draft"), "standard": _("Standard"), "high": _("High")}
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
    _("smiling"), _("laughing"), _("neutral expression"), _("surprised"), _("in a park"), _("in an office"), _("on a beach"),
    _("in the city at night"), _("in the mountains"), _("in a library"), _("at sunset"), _("white background"),
    _("wearing a blue t-shirt"), _("wearing a black suit and tie"), _("wearing a red hoodie"), _("wearing a leather jacket"),
    _("wearing round glasses"), _("wearing a hat"), _("soft light"), _("warm light"), _("side light"), _("backlight"),
)  # fmt: skip
MOST = 8


def suggest(begun: str) -> list[str]:
    """Whole prompts for an empty one; else what may follow its last comma, and is not said yet."""
    text = begun.strip()[:1000]
    if not text:
        return [str(w) for w in WHOLE]
    before, _comma, last = text.rpartition(",")
    stem = last.strip().lower()
    fitting = [str(p) for p in PARTS if str(p).lower().startswith(stem) and str(p).lower() not in before.lower()]
    return [f"{before}, {p}" if before else p for p in fitting][:MOST]
