"""The pages about privacy: their versions, and the facts about this installation that they tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts import consents, retention
from accounts.devices import AGE
from accounts.zones import COOKIE as ZONE
from ml.catalogue import BASES, SERVICES

YEAR = 365 * 86400  # seconds


@dataclass(frozen=True)
class Document:
    """A page of which people must be able to know when it changed. A test compares its template with the
    fingerprint in documents.json: a changed page needs a new version and date."""

    version: str
    changed: date


DOCUMENTS = {
    "privacy": Document("2026-11.4", date(2026, 11, 29)),
    "retention": Document("2026-11.8", date(2026, 11, 30)),
    "imprint": Document("2026-11", date(2026, 11, 29)),
    "ai": Document("2026-11.3", date(2026, 11, 30)),
}


@dataclass(frozen=True)
class Cookie:
    name: str
    why: Any
    seconds: int | None  # None: until the browser is closed

    @property
    def time(self) -> str:
        return (
            retention.in_words(retention.HOUR * (self.seconds / 3600))
            if self.seconds
            else str(_("this visit"))
        )


COOKIES = (
    Cookie(
        settings.SESSION_COOKIE_NAME,
        _("You stay logged in, and a link that you opened with its password stays open."),
        settings.SESSION_COOKIE_AGE,
    ),
    Cookie(
        settings.CSRF_COOKIE_NAME, _("Nobody else can send a form in your name."), settings.CSRF_COOKIE_AGE
    ),
    Cookie(
        settings.DEVICE_COOKIE_NAME,
        _("Wrong passwords that others type do not lock you out of a browser you know."),
        AGE,
    ),
    Cookie("messages", _("One sentence, such as “Saved.”, that the next page shows."), None),
    Cookie(settings.LANGUAGE_COOKIE_NAME, _("The language that you chose."), YEAR),
    Cookie("theme", _("Light or dark, as you chose."), YEAR),
    Cookie(ZONE, _("Times are those of your place."), YEAR),
)


SMS_COMPANIES = {"twilio": "Twilio Inc.", "sns": "Amazon Web Services, Inc."}


def engines() -> list[dict[str, Any]]:
    """The engines that are offered here, and the company at which each runs, if any."""
    return [{"name": name, "service": SERVICES.get(BASES[name].service)} for name in settings.STUDIO_PROFILES]


def companies() -> list[dict[str, Any]]:
    """The companies whose engines are offered here, with the consent that says what each gets."""
    names = dict.fromkeys(BASES[name].service for name in settings.STUDIO_PROFILES if BASES[name].service)
    return [
        {
            "company": SERVICES[name].company,
            "country": consents.COUNTRIES[SERVICES[name].country],
            "policy": SERVICES[name].privacy_url,
            "wording": consents.WORDING[consents.kind_of(name)][1],
        }
        for name in names
    ]


def facts(name: str) -> dict[str, Any]:
    """What every one of these pages is made with."""
    return {"document": DOCUMENTS[name], "operator": settings.OPERATOR}


def is_in_a_bucket() -> bool:
    """Whether files are at a storage service, not on the operator's own disks."""
    return "s3" in settings.STORAGES["default"]["BACKEND"].lower()
