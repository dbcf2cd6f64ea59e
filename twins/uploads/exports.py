"""Uploads in a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list
from config.registry import Member
from twins.uploads.models import Upload


def uploads(user: Any) -> Iterator[Member]:
    rows = each_row(Upload.objects.owned_by(user))
    yield json_list("twins/uploads.json", rows, _("Photos whose upload has begun: how much of each arrived."))
