"""Notices and browsers as clients see them, what they send, and the preferences in /me."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.notices import preferences, subscriptions
from accounts.notices.kinds import Topic, kinds, words_of
from accounts.notices.models import Notice, PushSubscription
from accounts.sessions import device_name
from config.web.text import NameField

MOST = 500  # ids in a request


class NoticeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="such as training_done; more kinds will come")
    topic = serializers.CharField(help_text="what preferences are chosen by")
    title = serializers.CharField()
    text = serializers.CharField(help_text="may be empty")
    subject_kind = serializers.CharField(help_text="training, job, export or twin")
    subject_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


def show_notice(notice: Notice) -> dict[str, Any]:
    """In the active language."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "topic": kinds[notice.kind].topic.value,
        **words_of(notice)._asdict(),
        "subject_kind": notice.subject_kind.rpartition(".")[2],
        "subject_id": notice.subject_id,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }


class ReadForm(serializers.Serializer):  # type: ignore[type-arg]
    """Exactly one of these."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST)
    about = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST, help_text="ids of runs"
    )
    all = serializers.BooleanField(required=False, help_text="true")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("all") is False:
            raise serializers.ValidationError(_("Send ids, or about, or all as true."))
        return attrs


class UnreadSerializer(serializers.Serializer):  # type: ignore[type-arg]
    unread = serializers.IntegerField()


class EndpointForm(serializers.Serializer):  # type: ignore[type-arg]
    endpoint = NameField(max_length=1000)


class BrowserKeys(serializers.Serializer):  # type: ignore[type-arg]
    p256dh = NameField(max_length=100)
    auth = NameField(max_length=40)


class BrowserForm(EndpointForm):
    """As a browser's PushSubscription gives it (`toJSON()`)."""

    keys = BrowserKeys()


class BrowserSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    device = serializers.CharField()
    created_at = serializers.DateTimeField()


class BrowsersSerializer(serializers.Serializer):  # type: ignore[type-arg]
    key = serializers.CharField(help_text="the applicationServerKey to subscribe with; empty: push is off")
    results = BrowserSerializer(many=True)


def show_subscription(row: PushSubscription) -> dict[str, Any]:
    return {"id": row.id, "device": device_name(row.device), "created_at": row.created_at}


def show_subscriptions(user: Any) -> dict[str, Any]:
    rows = PushSubscription.objects.owned_by(user)
    return {"key": subscriptions.key(), "results": [show_subscription(row) for row in rows]}


class ChannelsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    def get_fields(self) -> dict[str, Any]:
        return {channel: serializers.BooleanField(required=False) for channel in preferences.CHANNELS}


class PreferencesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Which notices the user wants by e-mail and as push messages. In the app there is every one."""

    def get_fields(self) -> dict[str, Any]:
        return {topic: ChannelsSerializer(required=False) for topic in Topic.values}

    def get_attribute(self, instance: Any) -> Any:
        return preferences.of(instance)
