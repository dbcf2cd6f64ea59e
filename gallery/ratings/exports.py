"""Ratings in a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list
from config.registry import Member
from gallery.ratings.models import Rating


def ratings(user: Any) -> Iterator[Member]:
    rows = each_row(Rating.objects.owned_by(user))
    yield json_list("gallery/ratings.json", rows, _("How you rated your pictures, and why."))
