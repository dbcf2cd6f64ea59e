"""Phone numbers in one form: E.164, such as +34612345678."""

from __future__ import annotations

from typing import Any

import phonenumbers
from django.conf import settings
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumberType

from config.errors import Invalid

MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)  # never premium numbers, which cost


def normal(typed: str, country: str = "") -> str:
    """The number in E.164. `country` (ISO 3166) is for a number that is typed without its country code.

    Raises Invalid with what to do: it is no number, no mobile one, or of a country that we send nothing to.
    """
    number = _parsed(typed, country)
    if phonenumbers.region_code_for_number(number) not in settings.SMS_COUNTRIES:
        raise _wrong(_("We send no text messages to this country. Log in by e-mail instead."))
    if phonenumbers.number_type(number) not in MOBILE:
        raise _wrong(_("This is no mobile number. Type one that gets text messages."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(typed: str, country: str) -> Any:
    try:
        number = phonenumbers.parse(typed, country or settings.SMS_COUNTRIES[0])
    except NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise _wrong(_("This is no phone number. Type it with its country code, like +34 612 345 678."))
    return number


def _wrong(sentence: str) -> Invalid:
    return Invalid(errors={"phone": [sentence]})


def shown(number: str) -> str:
    """As people read it: +34 612 34 56 78."""
    return phonenumbers.format_number(
        phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )


def masked(number: str) -> str:
    """Its last digits, for a page that somebody may look at over a shoulder: +34 … 78."""
    return f"{shown(number).split(' ')[0]} … {number[-2:]}"


def choices() -> list[tuple[str, str]]:
    """The countries that we send to, with their codes."""
    codes = ((code, phonenumbers.country_code_for_region(code)) for code in settings.SMS_COUNTRIES)
    return [(code, f"{code} +{number}") for code, number in codes]


def country_of(languages: str) -> str:
    """The country to offer first, from a header Accept-Language like es-MX,es;q=0.9."""
    regions = [part.split(";")[0].partition("-")[2].upper() for part in languages.split(",")]
    return next((region for region in regions if region in settings.SMS_COUNTRIES), settings.SMS_COUNTRIES[0])
