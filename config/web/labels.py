"""The names of styles, qualities, stages and engines, for the pages of several apps."""

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
ERA_NAMES: dict[str, Any] = {
    "1920s": pgettext_lazy("a time that pictures show", "1920s"),
    "1940s": pgettext_lazy("a time that pictures show", "1940s"),
    "1950s": pgettext_lazy("a time that pictures show", "1950s"),
    "1960s": pgettext_lazy("a time that pictures show", "1960s"),
    "1970s": pgettext_lazy("a time that pictures show", "1970s"),
    "1980s": pgettext_lazy("a time that pictures show", "1980s"),
    "1990s": pgettext_lazy("a time that pictures show", "1990s"),
}
MOTION_NAMES: dict[str, Any] = {  # by the words of ml.motions.MOTIONS
    "blink": pgettext_lazy("a movement", "Blink"),
    "smile": pgettext_lazy("a movement", "Smile"),
    "turn": pgettext_lazy("a movement", "Turn the head"),
    "nod": pgettext_lazy("a movement", "Nod"),
    "walk_the_light": pgettext_lazy("a movement", "Moving light"),
}
QUALITY_NAMES: dict[str, Any] = {"draft": _("Draft"), "standard": _("Standard"), "high": _("High")}
STAGE_NAMES: dict[str, Any] = {  # of trainings and jobs, by the engine's word
    "preparing": _("Looking at your photos"),
    "measuring the base": _("Measuring before the training"),
    "training": _("Learning your face"),
    "choosing the best": _("Choosing the best version"),
    "finishing": _("Making samples"),
    "rendering": _("Making pictures"),
    "animating": _("Moving the picture"),
    "checking": _("Looking at every frame"),
    "encoding": _("Writing the file"),
    # at another company
    "sending": _("Sending what it needs"),
    "waiting there": _("Waiting there for a free machine"),
    "engine_away": _(
        "The company that runs this engine does not answer. This waits and goes on by itself; after an hour"
        " it is given up, and costs nothing."
    ),
    "storage_full": _(
        "There is no room left here to save this. It waits and goes on by itself; after an hour it is given"
        " up, and costs nothing."
    ),
}
ENGINE_NAMES: dict[str, Any] = {  # by profile: what pages call an engine
    "nano": _("Built-in preview"),
    "flux-schnell": _("Photographic (FLUX.1 schnell)"),
    "flux2-klein": _("Photographic (FLUX.2 klein)"),
    "fal": _("Photographic (fal.ai)"),
    "together": _("Photographic (Together AI)"),
}


def engine_name(profile: str) -> Any:
    return ENGINE_NAMES.get(profile, profile)


# By profile: who made a picture, and with which model.
MAKERS: dict[str, Any] = {
    "nano": _("our built-in preview engine, nano"),
    "flux-schnell": "FLUX.1 schnell",
    "flux2-klein": "FLUX.2 klein",
    "nano-motion": _("our built-in preview engine, nano"),
    "wan2-2-ti2v": "Wan 2.2 TI2V-5B",
    "fal": "fal.ai, FLUX.1-dev",
    "together": "Together AI, FLUX.1 schnell",
}


def maker(profile: str) -> Any:
    return MAKERS.get(profile, profile)
