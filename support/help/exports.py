"""A user's answers about articles in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list
from config.registry import Member
from support.help.models import HelpVote


def votes(user: Any) -> Iterator[Member]:
    rows = each_row(HelpVote.objects.owned_by(user), without=("visitor",))
    yield json_list("help.json", rows, _("Whether articles of the help helped you."))
