"""The captioner of a base's training photos."""

from __future__ import annotations

from ml.catalogue import Base
from ml.local.dataset import Captioner, plain_caption
from ml.nets.reader import Reader

CAPTIONERS = {"reader": Reader.open}  # by the names that catalogue.Base has for them


def captioner_of(base: Base) -> Captioner:
    """The net that reads photos into captions; plain captions for a base without one, or a recipe that asks
    for them."""
    if base.captioner is None or base.recipe.captions == "plain":
        return plain_caption
    return CAPTIONERS[base.captioner]()
