"""The part of this room in an archive of all of a user's data. It holds no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_list, json_member, row, rows
from accounts.developers.models import ApiKey, Attempt, Delivery, Webhook
from config.registry import Member


def developers(user: Any) -> Iterator[Member]:
    keys = rows(ApiKey.objects.filter(user=user), without=("digest",))
    yield json_member("account/api-keys.json", keys, _("Your API keys, without their secrets."))
    hooks = rows(Webhook.objects.filter(user=user), without=("secret", "former_secret"))
    yield json_member("account/webhooks.json", hooks, _("Your webhooks, without their secrets."))
    sent = Delivery.objects.filter(webhook__user=user).prefetch_related("attempts")
    yield json_list(
        "account/webhook-deliveries.json",
        (_delivery(one) for one in sent.iterator(chunk_size=200)),
        _("What your webhooks were sent in the last 30 days, with each try."),
    )


def _delivery(one: Delivery) -> dict[str, Any]:
    tries: list[Attempt] = list(one.attempts.all())
    return row(one) | {"attempts": [row(each) for each in tries]}
