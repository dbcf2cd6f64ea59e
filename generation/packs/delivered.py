"""The example pictures that delivered packs come with. Those of `manage.py pack_previews` replace them."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

from config.web.labels import engine_name
from generation.packs.models import PICTURES

CODES = ("office", "studio", "outdoors", "creative", "medical", "black-and-white")
ENGINE = "nano"  # bench/packs.py made them by it
WIDTH, HEIGHT = 373, 480  # px


def path_of(code: str, number: int) -> str:
    """Below static/."""
    return f"packs/{code}-{number}.webp"


def pictures(code: str) -> list[dict[str, Any]]:
    """As clients see them; none of a pack that staff made."""
    facts = {"engine": ENGINE, "by": engine_name(ENGINE), "width": WIDTH, "height": HEIGHT}
    numbers = range(PICTURES if code in CODES else 0)
    return [{"url": static(path_of(code, number)), **facts} for number in numbers]
