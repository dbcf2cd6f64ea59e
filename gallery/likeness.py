"""How alike a picture is to its twin, in words beside the figure, the probability of one person."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from gallery.models import Item
from ml import catalogue
from twins.models import Training


def told(item: Item) -> dict[str, Any]:
    """Returns `words`, `value`, `real` (the twin's photos among themselves) and `low` (the least of nineteen
    of twenty frames of a clip), the latter three where known.

    The words compare the picture with the floor of the training's base, below which a twin does not count as
    recognised, and with the photos. Nothing is told when the training is gone, was measured by an embedder
    that does not suit its photos, or shows a drawn avatar, whose likeness to its person is not known.
    """
    training = Training.objects.owned_by(item.user_id).filter(id=item.training).measured().first()
    if training is None:
        return {"words": ""}
    if item.likeness is None:
        return {"words": _("not measured: no face was found")}
    words = _words(item.likeness, training)
    told = {"words": words, "value": item.likeness, "real": training.likeness_real}
    return told | {"low": item.likeness_low}


def _words(value: float, training: Training) -> Any:
    if training.base not in catalogue.BASES:
        return ""
    if value < catalogue.BASES[training.base].floor:
        return _("hardly to be recognised")
    if training.likeness_real and value >= training.likeness_real:
        return _("as alike as your photos are to each other")
    return _("to be recognised")
