"""What a page says of a run: stage, share and time left, in words."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.web.labels import STAGE_NAMES

register = template.Library()


@register.filter
def percent(share: float) -> str:
    return f"{round(100 * share)} %"


@register.filter
def stage_name(stage: str) -> Any:
    """A stage in words. At a company it may end with the place in the queue there."""
    words, _space, place = stage.rpartition(" ")
    if place.isdecimal():
        return _("%(stage)s, at place %(place)s") % {"stage": stage_name(words), "place": place}
    return STAGE_NAMES.get(stage, "")


@register.filter
def time_left(seconds: int | None) -> str:
    """Seconds as a sentence, no finer than an estimate deserves; "" without one."""
    if not seconds:
        return ""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 1:
        return _("Less than a minute left.")
    if minutes < 50:
        return ngettext("About a minute left.", "About %(n)s minutes left.", minutes) % {"n": minutes}
    hours = max(hours, 1)
    return ngettext("About an hour left.", "About %(n)s hours left.", hours) % {"n": hours}


@register.filter
def whole(seconds: float | None) -> int:
    return round(seconds or 0)


@register.filter
def clock(seconds: float | None) -> str:
    """The length of a clip: 0:03."""
    return f"{whole(seconds) // 60}:{whole(seconds) % 60:02}"
