"""Marks and free retrainings in a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list
from config.registry import Member
from twins.redo.models import Mark, Redo


def redos(user: Any) -> Iterator[Member]:
    marked = each_row(Mark.objects.owned_by(user))
    yield json_list("twins/not-me.json", marked, _("The pictures that you marked as not showing you."))
    free = each_row(Redo.objects.owned_by(user))
    yield json_list("twins/redos.json", free, _("Your twins' free retrainings, and the advice before them."))
