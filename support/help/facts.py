"""The figures that articles name, so that none is wrong after a change of code or settings.

An article writes `{photos_least}`. Figures that staff change in the admin, such as prices, are in no article:
there stands a link to the page that has them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings

from accounts.developers import services as keys
from accounts.retention import RULES, TRAINED, in_words
from config.web.labels import engine_name
from gallery.sharing import links
from gallery.shelf import area
from generation.restorations.services import LEAST_SIDE, MOST_BYTES
from ml import edit, media
from moderation.cases.models import APPEAL, DUE
from support.tickets import pictures
from support.tickets.models import FIRST_ANSWER
from support.tickets.services import SOLVED_FOR
from twins.models import LEAST, MOST
from twins.proof.models import INVITED, PHONE
from twins.redo.services import WITHIN

MB = 2**20


def _engines() -> str:
    return ", ".join(str(engine_name(profile)) for profile in settings.STUDIO_PROFILES)


def _key_rate() -> tuple[int, int]:
    """(calls of an API key, in how many seconds)"""
    return settings.LIMITS["api-key"].rates("key")[0]


FACTS: dict[str, Callable[[], object]] = {
    "photos_least": lambda: LEAST,
    "photos_most": lambda: MOST,
    "upload_mb": lambda: settings.MAX_UPLOAD // MB,
    "photo_side": lambda: media.MIN_SIDE,
    "photo_megapixels": lambda: media.MAX_PIXELS // 1_000_000,
    "engines": _engines,
    "origin": lambda: settings.ORIGIN,
    "redo_days": lambda: in_words(WITHIN),
    "restore_mb": lambda: MOST_BYTES // MB,
    "restore_side": lambda: LEAST_SIDE,
    "print_megapixels": lambda: edit.PRINT_PIXELS // 1_000_000,
    "edit_side": lambda: edit.SMALLEST,
    "locked_open": lambda: in_words(area.OPEN),
    "link_pictures": lambda: links.MOST,
    "invitation": lambda: in_words(INVITED),
    "phone_link": lambda: in_words(PHONE),
    "takedown_hours": lambda: int(DUE.total_seconds()) // 3600,
    "appeal": lambda: in_words(APPEAL),
    "keys": lambda: keys.MOST,
    "key_overlap": lambda: in_words(keys.OVERLAP),
    "key_calls": lambda: _key_rate()[0],
    "key_time": lambda: in_words(timedelta(seconds=_key_rate()[1])),
    "talk_pictures": lambda: pictures.MOST,
    "talk_mb": lambda: pictures.MOST_BYTES // MB,
    "talk_answer": lambda: in_words(FIRST_ANSWER),
    "talk_solved": lambda: in_words(SOLVED_FOR),
    "photos_after_training": lambda: in_words(TRAINED),
    **{f"kept_{code}": lambda code=code: RULES[code].time for code in RULES},  # type: ignore[misc]
}


def filled(name: str) -> str:
    """The figure in the active language. Raises KeyError for a name that is none."""
    return str(FACTS[name]())
