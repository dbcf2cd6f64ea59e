"""The part of this room in an archive of all of a user's data. It holds no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_member, rows
from accounts.developers.models import ApiKey
from config.registry import Member


def developers(user: Any) -> Iterator[Member]:
    keys = rows(ApiKey.objects.filter(user=user), without=("digest",))
    yield json_member("account/api-keys.json", keys, _("Your API keys, without their secrets."))
