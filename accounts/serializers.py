"""Archives as clients see them, and what a name may hold."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import Export
from config.web.serializers import RunFields, run_fields


class ExportSerializer(RunFields):
    size = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)


def show_export(export: Export) -> dict[str, Any]:
    return run_fields(export) | {"size": export.size, "expires_at": export.expires_at}


# A scheme, "www.", an address, or a dot between words: programs that show mail make links of them.
LINK = re.compile(r"\w:/|//|\bwww\.|@|[^\W_][.。．｡][^\W\d_]{2}", re.IGNORECASE)
CONTROLS = ("Cc", "Zl", "Zp")
DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def validate_name(name: str) -> None:
    """The name of a person or thing, as others may see it. Raises ValidationError."""
    if any(unicodedata.category(c) in CONTROLS or c in DIRECTIONS for c in name):
        raise ValidationError(_("A name is one line of visible characters."))
    if LINK.search(name):
        raise ValidationError(_("A name holds no link or address. After a dot, leave a space."))
