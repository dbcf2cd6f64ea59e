"""The names of styles, qualities and stages, for the pages of several apps."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

STYLE_NAMES: dict[str, Any] = {
    "photorealistic": pgettext_lazy("a style", "Photo"),
    "cinematic": _("Cinema"),
    "artistic": _("Painted"),
    "anime": _("Anime"),
    "vintage": _("Vintage"),
    "noir": _("Film noir"),
    "watercolour": _("Watercolour"),
    "fantasy": _("Fantasy"),
}
QUALITY_NAMES: dict[str, Any] = {"draft": _("Draft"), "standard": _("Standard"), "high": _("High")}
STAGE_NAMES: dict[str, Any] = {  # of trainings and jobs, by the engine's word
    "preparing": _("Looking at your photos"),
    "measuring the base": _("Measuring before the training"),
    "training": _("Learning your face"),
    "choosing the best": _("Choosing the best version"),
    "finishing": _("Making samples"),
    "rendering": _("Making pictures"),
}
