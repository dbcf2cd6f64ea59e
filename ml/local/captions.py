"""Chooses the captioner for a base's training photos."""

from __future__ import annotations

from ml.catalogue import Base
from ml.local.dataset import Captioner, plain_caption
from ml.nets.reader import Reader

CAPTIONERS = {"reader": Reader.open}  # by the name in catalogue.Base.captioner


def captioner_of(base: Base) -> Captioner:
    """The net that captions photos, or plain captions if the base has no captioner or the recipe asks for
    them."""
    if base.captioner is None or base.recipe.captions == "plain":
        return plain_caption
    return CAPTIONERS[base.captioner]()
