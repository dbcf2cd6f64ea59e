"""Template tags: what a page may promise about engines."""

from __future__ import annotations

from typing import Any

from django import template

from billing.engines import pricelist

register = template.Library()


@register.simple_tag
def hosted_here() -> bool:
    """Whether an engine of another company is offered here."""
    return pricelist.is_hosted_here()


@register.simple_tag
def first_training() -> dict[str, Any]:
    return pricelist.first_training()


@register.simple_tag
def buys(credits: int) -> dict[str, Any]:
    return pricelist.buys(credits)
