"""What is kept of a user's last bulk edit, in their archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_member, rows
from config.registry import Member
from gallery.shelf.models import BulkEdit


def edits(user: Any) -> Iterator[Member]:
    found = rows(BulkEdit.objects.owned_by(user))
    yield json_member(
        "last-edit.json", found, _("Your last change of many pictures, so that it can be undone.")
    )
