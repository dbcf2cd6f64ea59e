"""The clips and pictures of articles, of the product itself: `python -m bench.tutorials` makes them.

They lie in static/help/LANGUAGE/. A clip is NAME.mp4, with NAME.webp for before it plays; a picture is NAME.webp.
Both have two pixels for each pixel of a page.
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

FOLDER = Path("static", "help")
SCALE = 2
# It plays when somebody presses the button, and is loaded then.
CLIP = (
    '<figure class="help-clip"><video controls muted playsinline preload="none" src="{}" poster="{}" width="{}" '
    'height="{}" aria-label="{}"></video><figcaption>{} <span class="quiet">{}</span></figcaption></figure>'
)
PICTURE = (
    '<figure class="help-shot"><img src="{}" width="{}" height="{}" alt="{}" loading="lazy" decoding="async">'
    "</figure>"
)


def figure(source: str, *, words: str) -> SafeString:
    """`source` is clip:NAME or shot:NAME. Raises OSError for one that was not made, KeyError for others."""
    kind, _colon, name = source.partition(":")
    made = {"clip": _clip, "shot": _shot}[kind]
    return made(f"{get_language()}/{name}", words)


def _clip(path: str, words: str) -> SafeString:
    still = f"{path}.webp"
    size = _size(still)
    return format_html(CLIP, _at(f"{path}.mp4"), _at(still), *size, words, words, _("Without sound."))


def _shot(path: str, words: str) -> SafeString:
    return format_html(PICTURE, _at(f"{path}.webp"), *_size(f"{path}.webp"), words)


def _at(path: str) -> str:
    return static(f"help/{path}")


def _size(path: str) -> tuple[int, ...]:
    """In pixels of a page."""
    sides = get_image_dimensions(settings.BASE_DIR / FOLDER / path)
    return tuple(side // SCALE for side in sides if side)
