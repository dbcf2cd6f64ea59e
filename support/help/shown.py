"""The clips and pictures of articles, of the product itself: `python -m bench.tutorials` makes them.

They lie in static/help/LANGUAGE/. A clip is NAME.mp4, with NAME.webp for before it plays. A picture is
NAME.webp, with two pixels for each pixel of a page.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.files.images import get_image_dimensions
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

HERE = Path(settings.BASE_DIR, "static", "help")
SCALE = 2
# It plays when somebody presses the button, and is loaded then.
CLIP = (
    '<figure class="help-clip"><video controls muted playsinline preload="none" src="{}" poster="{}"'
    ' width="{}" height="{}" aria-label="{}"></video>'
    '<figcaption>{} <span class="quiet">· {}</span></figcaption></figure>'
)
PICTURE = (
    '<figure class="help-shot"><img src="{}" width="{}" height="{}" alt="{}" loading="lazy" decoding="async">'
    "{}</figure>"
)
FOREIGN = '<figcaption class="quiet">{}</figcaption>'


def figure(source: str, *, words: str) -> SafeString:
    """`source` is clip:NAME or shot:NAME; "" for one that was not made yet. Raises KeyError for others.

    What was not filmed in the active language is shown in English, and says so."""
    kind, _colon, name = source.partition(":")
    made = {"clip": _clip, "shot": _shot}[kind]
    for code in (get_language() or "", settings.LANGUAGE_CODE):
        if (HERE / code / f"{name}.webp").exists():
            return made(f"{code}/{name}", words, "" if code == get_language() else _("in English"))
    return SafeString()


def _clip(path: str, words: str, foreign: str) -> SafeString:
    still = f"{path}.webp"
    said = " · ".join(filter(None, (_("without sound"), foreign)))
    return format_html(CLIP, _at(f"{path}.mp4"), _at(still), *_size(still), words, words, said)


def _shot(path: str, words: str, foreign: str) -> SafeString:
    width, height = _size(f"{path}.webp")
    note = format_html(FOREIGN, foreign) if foreign else ""
    return format_html(PICTURE, _at(f"{path}.webp"), width // SCALE, height // SCALE, words, note)


def _at(path: str) -> str:
    return static(f"help/{path}")


def _size(path: str) -> tuple[int, ...]:
    return tuple(side or 0 for side in get_image_dimensions(HERE / path))
