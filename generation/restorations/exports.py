"""Restorations in a user's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_list, row
from accounts.vault.vault import store
from config.registry import Member
from generation.restorations.models import Restoration


def restorations(user: Any) -> Iterator[Member]:
    """The pictures that were sent, and a list of what was done with them. Results are among the items."""
    files, own = store(user.id), Restoration.objects.filter(user=user)
    for each in own.iterator(chunk_size=200):
        name = f"restorations/{each.id}.jpg"
        yield Member(name, files.open_checked(each.original), _("A picture that you sent to be restored."))
    about = _("Every restoration: what was asked for, what came out, and your notes.")
    yield json_list("restorations.json", (row(each) for each in own.iterator(chunk_size=500)), about)
