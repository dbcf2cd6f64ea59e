"""The time zone in which a person sees times. The API answers in UTC, so its addresses are left alone.

The pages' script (static/zone.js) writes the browser's zone into a cookie. The last one seen is kept on the
user, for e-mails, archives and browsers without JavaScript.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "zone"
IN_UTC = ("/api/", "/_allauth/", "/hooks/")
_known = functools.cache(available_timezones)  # it reads the directory of zones


def is_zone(name: str) -> bool:
    """Whether `name` is in the time zone database, for example Europe/Madrid."""
    return name in _known()


def seen_from(name: str) -> AbstractContextManager[Any]:
    """A context in which times are local to this zone; to UTC if it is not known (any more)."""
    return timezone.override(ZoneInfo(name if is_zone(name) else "UTC"))


class ZoneMiddleware:
    """Activates the zone of the cookie, else the user's, while a page is made."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(IN_UTC):
            return self.get_response(request)
        with seen_from(_zone_of(request)):
            return self.get_response(request)


def _zone_of(request: HttpRequest) -> str:
    """The zone of the viewer. One that is new is stored on the user, and with the session."""
    told, user = request.COOKIES.get(COOKIE, ""), request.user
    told = told if is_zone(told) else ""
    if not user.is_authenticated:
        return told
    if told and told != user.zone:
        get_user_model().objects.filter(pk=user.pk).update(zone=told)
        user.zone = told
    if told and told != request.session.get(COOKIE):
        request.session[COOKIE] = told
        UserSession.objects.filter(session_key=request.session.session_key).update(data={COOKIE: told})
    return told or user.zone


def city_of(name: str) -> str:
    """The city that a zone is named after: Buenos Aires for America/Argentina/Buenos_Aires. "" for UTC."""
    area, slash, city = name.rpartition("/")
    return city.replace("_", " ") if slash and area != "Etc" and is_zone(name) else ""
