"""Template tags: amounts of money in the reader's format, and the plans on sale."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.utils import formats

from billing.models import Pack, Plan

SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "cny": "¥"}
WITHOUT_CENTS = {"jpy", "krw", "vnd", "clp"}
register = template.Library()


@register.filter
def money(cents: int, currency: str = "") -> str:
    """2000 -> $20, 1650 -> $16.50, in the number format of the reader's language."""
    code = (currency or settings.CURRENCY).lower()
    whole = code in WITHOUT_CENTS or cents % 100 == 0
    number = cents if code in WITHOUT_CENTS else cents / 100
    text = formats.number_format(abs(number), 0 if whole else 2, use_l10n=True, force_grouping=True)
    amount = f"{SIGNS[code]}{text}" if code in SIGNS else f"{text} {code.upper()}"
    return f"−{amount}" if cents < 0 else amount


@register.simple_tag
def plans_on_sale() -> Any:
    return Plan.objects.filter(on_sale=True)


@register.simple_tag
def packs_on_sale() -> Any:
    return Pack.objects.filter(on_sale=True)
