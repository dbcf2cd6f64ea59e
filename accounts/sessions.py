"""Where a person is logged in: what a session is called, and how sessions end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils.translation import gettext as _

from config.errors import NotFound
from config.runs import events

# The first that fits counts: every browser also claims to be those below it.
BROWSERS = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|Chromium/|CriOS/"),
    ("Safari", r"Safari/"),
)
SYSTEMS = (
    ("iPad", r"iPad"),
    ("iPhone", r"iPhone"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)
PROGRAM = re.compile(r"^([A-Za-z][\w.-]{1,30})/")


def _first(table: Iterable[tuple[str, str]], agent: str) -> str:
    return next((name for name, pattern in table if re.search(pattern, agent)), "")


def device_name(agent: str) -> str:
    """The header User-Agent in words, such as “Chrome on Android”."""
    browser, system = _first(BROWSERS, agent), _first(SYSTEMS, agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    program = PROGRAM.match(agent)
    if not browser and not system and program:
        return _("A program (%(name)s)") % {"name": program[1]}
    return browser or system or _("An unknown device")


def end(keys: Iterable[str]) -> None:
    """Ends these sessions with the tokens of their families."""
    keys = list(keys)
    found = UserSession.objects.filter(session_key__in=keys)
    for user_id in set(found.values_list("user", flat=True)):
        events.end_streams(user_id)
    found.delete()
    Session.objects.filter(session_key__in=keys).delete()


def end_one(user: Any, ident: str, *, but: str | None) -> None:
    """Ends one of the user's sessions, by the id of its row. Raises NotFound, also for the session `but`,
    which ends by a log-out."""
    theirs = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    found = theirs.filter(pk=int(ident)).first() if ident.isdecimal() and len(ident) < 10 else None
    if found is None:
        raise NotFound
    end([found.session_key])


def end_all(user: Any, *, but: str | None = None) -> None:
    """Ends all sessions of a user, or all but one. Open event streams end; those of `but` come back."""
    keys = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    end(keys.values_list("session_key", flat=True))
