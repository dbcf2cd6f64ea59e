"""The one normal form of what people type: names, texts, passwords and e-mail addresses.

Texts are in NFC, so that one word is one row of code points however it was typed. Fields for serializers and
for forms bring a text into its normal form and refuse what nobody can see.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import idna
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

NO_CONTROL = _("Leave out control characters.")
NOT_SEEN = _("Leave out characters that cannot be seen.")
NOTHING_SEEN = _("Write something that can be seen.")

JOINERS = "\u200c\u200d"  # in Persian words and inside emoji; nothing is hidden by one between two characters
LOOSE_JOINER = re.compile(f"(^|[{JOINERS}\\s])[{JOINERS}]|[{JOINERS}](\\s|$)")
# Drawn as nothing, though Unicode files them under letters, marks and symbols (Default_Ignorable_Code_Point,
# and the empty Braille pattern).
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0"
SEEN_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2"  # Arabic and Syriac number signs


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def address(email: str) -> str:
    """The address as it is stored and sent to: in small letters, its domain in ASCII (IDNA)."""
    local, at, domain = nfc(email.strip()).lower().rpartition("@")
    return f"{local}{at}{'.'.join(map(_label, re.split('[.。．｡]', domain)))}"


def _label(label: str) -> str:
    try:
        return idna.encode(label, uts46=True).decode()
    except idna.IDNAError:  # an emoji, say, or nothing that can be a domain
        return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _unseen(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind in ("Cc", "Zl", "Zp", "Cs") or (
        char in BLANKS or (kind == "Cf" and char not in JOINERS + SEEN_FORMATS)
    )


def check_name(text: str) -> None:
    """Refuses a text on one line that shows nothing or hides something: zero-width characters, control
    characters, and those that turn the direction of writing. Raises ValidationError."""
    if any(map(_unseen, text)) or LOOSE_JOINER.search(text):
        raise ValidationError(NOT_SEEN, code="not_seen")
    if not any(unicodedata.category(char)[0] in "LNPS" for char in text):
        raise ValidationError(NOTHING_SEEN, code="nothing_seen")


def check_text(text: str) -> None:
    """Refuses control characters other than line breaks and tabs. Raises ValidationError."""
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\r\t" for char in text):
        raise ValidationError(NO_CONTROL, code="no_control")


# ---------------------------------------------------------------- fields of serializers


class TextField(serializers.CharField):
    """A text of any number of lines."""

    default_validators = (check_text,)

    def to_internal_value(self, data: Any) -> str:
        return nfc(super().to_internal_value(data))


class NameField(TextField):
    """A text on one line that people see and recognise: a name, a tag."""

    default_validators = (check_name,)


class PasswordField(serializers.CharField):
    """Kept as it was typed; User brings passwords into their normal form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=200, **options)


# ---------------------------------------------------------------- fields of forms


class FormText(forms.CharField):
    default_validators = [check_text]  # noqa: RUF012  as in Django's fields

    def to_python(self, value: Any) -> str:
        return nfc(super().to_python(value))


class FormName(FormText):
    default_validators = [check_name]  # noqa: RUF012
