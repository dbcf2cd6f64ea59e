"""A person's proof of age as the API, the page and the archive show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from config.registry import Member
from moderation.adult import services, verifiers
from moderation.adult.models import AgeCheck


def show_age(user: Any) -> dict[str, Any]:
    last: AgeCheck | None = AgeCheck.objects.owned_by(user).first()
    on = services.is_on()
    return {
        "on": on,
        "takes_document": on and verifiers.get().takes_document,
        "countries": settings.ADULT_COUNTRIES if on else {},
        "state": last.state if last else "",
        "country": last.country if last else "",
        "reason": last.reason if last else "",
        "asked_at": last.asked_at if last else None,
        "decided_at": last.decided_at if last else None,
        "allowed": on and services.is_adult(user) and services.is_allowed_country(user.pk),
    }


def members(user: Any) -> Iterator[Member]:
    found = (row(each, without=("by",)) for each in AgeCheck.objects.owned_by(user))
    yield json_list("account/ages.json", found, _("Your proofs of age: what was decided, not the document."))


def forget_staff(user: Any) -> None:
    AgeCheck.objects.filter(by=user).update(by=None)
