"""Archives as clients see them, and what a name may hold."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import Export
from config.web.serializers import RunFields, run_fields
from config.web.text import PasswordField, TextField, check_name


class ProofForm(serializers.Serializer):  # type: ignore[type-arg]
    """The user's password, a code of the second factor, or a passkey's answer to `POST /me/passkey`."""

    password = PasswordField(required=False)
    code = TextField(required=False, max_length=20)
    credential = serializers.DictField(
        required=False, help_text="what `navigator.credentials.get` returned, by its `toJSON()`"
    )


class ExportSerializer(RunFields):
    size = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)


def show_export(export: Export) -> dict[str, Any]:
    return run_fields(export) | {"size": export.size, "expires_at": export.expires_at}


# A scheme, "www.", an address, or a dot between words: programs that show mail make links of them.
LINK = re.compile(r"\w:/|//|\bwww\.|@|[^\W_][.。．｡][^\W\d_]{2}", re.IGNORECASE)


def validate_name(name: str) -> None:
    """The name of a person or thing, as others may see it. Raises ValidationError."""
    check_name(name)
    if LINK.search(name):
        raise ValidationError(_("A name holds no link or address. After a dot, leave a space."))
