"""Links from the product's sentences into the help centre."""

from __future__ import annotations

from django import template

from support.help import library

register = template.Library()


@register.simple_tag
def help_at(group: str, code: str | None = None) -> str:
    """Where an error code is explained, "" for none: {% help_at "photos" photo.code as more %}."""
    return library.address_of(group, code or "")
