"""What pages say about ways to log in."""

from __future__ import annotations

import json
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django import template

from accounts import confirm

register = template.Library()
register.filter("has_passkey", confirm.has_passkey)
register.filter("confirms_elsewhere", confirm.confirms_elsewhere)


@register.filter
def as_json(value: Any) -> str:
    """For an attribute, where a script reads it."""
    return json.dumps(value)


@register.filter
def without_placeholder(field: Any) -> Any:
    """The widget of a field whose label stands above it: allauth says the same again inside."""
    return field.as_widget(attrs={"placeholder": False})


@register.simple_tag(takes_context=True)
def providers(context: Any, of: Any = None) -> list[Any]:
    """Where one can log in with another account, by name; or only those `of` these connections."""
    request, wanted = context["request"], {account.provider for account, _name in of or ()}
    found = sorted(get_adapter().list_providers(request), key=lambda each: str(each.name))
    for each in found:
        each.login = each.get_login_url(request)
    return [each for each in found if not of or each.sub_id in wanted]


@register.simple_tag(takes_context=True)
def connections(context: Any) -> list[tuple[SocialAccount, str]]:
    """(account elsewhere, name of its provider) of the user. The provider may be configured no more."""
    names = {each.sub_id: each.name for each in providers(context)}
    found = SocialAccount.objects.filter(user=context["user"].pk).order_by("date_joined")
    return [(each, names.get(each.provider, each.provider)) for each in found]
