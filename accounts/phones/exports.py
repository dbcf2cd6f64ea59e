"""The part of this room in an archive of all of a user's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.archive import json_member, rows
from accounts.phones.models import PhoneCode
from config.registry import Member


def codes(user: Any) -> Iterator[Member]:
    found = PhoneCode.objects.filter(Q(user=user) | Q(phone=user.phone or "")).order_by("-created_at")
    about = _("The codes that were sent to you in the last day, without the codes.")
    yield json_member("account/phone-codes.json", rows(found, without=("digest", "asker")), about)
