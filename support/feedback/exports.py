"""Feedback in a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list
from config.registry import Member
from support.feedback.models import Feedback


def feedback(user: Any) -> Iterator[Member]:
    rows = each_row(Feedback.objects.owned_by(user), without=("done",))
    yield json_list("feedback.json", rows, _("What you told us about PhotoFlux."))
