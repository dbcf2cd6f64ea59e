"""Webhooks and their deliveries as clients see them, and the forms that clients send about them."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from accounts.developers.addresses import MOST_URL
from accounts.developers.models import Attempt, Delivery, Disabled, Event, Webhook
from accounts.developers.sending import ERRORS
from config.web.text import TextField


class WebhookSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    disabled_because = serializers.ChoiceField(
        Disabled.choices,
        allow_null=True,
        help_text="by its owner, by its own 410, or after ten days of failures",
    )
    failing_since = serializers.DateTimeField(allow_null=True)
    former_secret_until = serializers.DateTimeField(allow_null=True, help_text="until then two secrets sign")
    created_at = serializers.DateTimeField()


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="signs every message. It is shown this once")


class SecretSerializer(serializers.Serializer):  # type: ignore[type-arg]
    secret = serializers.CharField(help_text="shown this once")
    former_secret_until = serializers.DateTimeField()


def _events(**options: Any) -> serializers.ListField:
    child = serializers.ChoiceField(Event.choices)
    return serializers.ListField(child=child, allow_empty=False, max_length=len(Event), **options)


class WebhookForm(serializers.Serializer):  # type: ignore[type-arg]
    url = TextField(max_length=MOST_URL)
    events = _events()


class WebhookChangeForm(serializers.Serializer):  # type: ignore[type-arg]
    url = TextField(max_length=MOST_URL, required=False)
    events = _events(required=False)
    enabled = serializers.BooleanField(required=False)


class ReplayForm(serializers.Serializer):  # type: ignore[type-arg]
    delivery = serializers.UUIDField(required=False, help_text="only this one; else all that failed")


class ReplaySerializer(serializers.Serializer):  # type: ignore[type-arg]
    replayed = serializers.IntegerField()


class AttemptSerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="of HTTP; null when there was no answer")
    error = serializers.ChoiceField(sorted(ERRORS), allow_null=True)
    milliseconds = serializers.IntegerField()


class DeliverySerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    message = serializers.CharField(help_text="the header webhook-id")
    type = serializers.CharField()
    status = serializers.ChoiceField(Delivery.Status.choices)
    body = serializers.JSONField()  # type: ignore[assignment]
    attempts = AttemptSerializer(many=True)
    next_at = serializers.DateTimeField(allow_null=True, help_text="of the next try")
    created_at = serializers.DateTimeField()


def show_webhook(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "url": hook.url,
        "events": hook.events,
        "enabled": not hook.disabled,
        "disabled_because": hook.disabled or None,
        "failing_since": hook.failing_since,
        "former_secret_until": hook.former_until,
        "created_at": hook.created_at,
    }


def show_delivery(one: Delivery) -> dict[str, Any]:
    waits = one.status == Delivery.Status.PENDING
    return {
        "id": one.id,
        "message": one.message,
        "type": one.type,
        "status": one.status,
        "body": json.loads(one.body),
        "attempts": [_show_attempt(each) for each in one.attempts.all()],
        "next_at": one.next_at if waits else None,
        "created_at": one.created_at,
    }


def _show_attempt(each: Attempt) -> dict[str, Any]:
    return {
        "at": each.at,
        "status": each.status,
        "error": each.error or None,
        "milliseconds": each.milliseconds,
    }
