"""What the pages of pictures and clips tell about clips."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from billing.engines import offers
from config.web.labels import MOTION_NAMES
from gallery.models import UNSAFE, Item

# Of a recipe: what the form of the studio is filled with.
OF_STUDIO = ("twin", "prompt", "style", "aspect_ratio", "motion", "action", "duration", "reference", "era")


def facts_of(item: Item) -> dict[str, Any]:
    """What templates/gallery/item.html and _tools.html read."""
    recipe = item.recipe
    if not item.is_clip:
        return {"animates": can_animate(item)}
    moved = MOTION_NAMES.get(recipe.get("motion"), recipe.get("action", ""))
    return {"movement": moved, "clip_query": query(recipe)}


def can_animate(item: Item) -> bool:
    """Whether the page offers it; generation.clips decides."""
    fit = item.kind == Item.Kind.IMAGE and item.twin_id is not None and item.safety < UNSAFE
    return fit and any(base.video for base in offers.usable(item.user))


def query(recipe: dict[str, Any]) -> str:
    """The query that fills the form of clips."""
    return urlencode({name: recipe[name] for name in OF_STUDIO if recipe.get(name)})
