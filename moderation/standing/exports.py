"""A person's strikes and suspensions in an archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from accounts.standing.models import Suspension
from config.registry import Member
from moderation.lists.models import ListVersion
from moderation.standing.models import Strike


def members(user: Any) -> Iterator[Member]:
    for model, name, about in (
        (Strike, "strikes", _("Your strikes, also those that do not count any more.")),
        (Suspension, "suspensions", _("When your account was suspended, why, and your appeals.")),
    ):
        found = (row(each, without=("by",)) for each in model.objects.owned_by(user))
        yield json_list(f"account/{name}.json", found, about)
    changed = (row(each, without=("by",)) for each in ListVersion.objects.filter(by=user))
    yield json_list("account/lists.json", changed, _("What you changed in the lists as staff."))


def forget_staff(user: Any) -> None:
    """What a person did as staff stays, without the name."""
    for model in (Strike, Suspension, ListVersion):
        model.objects.filter(by=user).update(by=None)
