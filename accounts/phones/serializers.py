"""Codes as clients ask for them and see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.phones import numbers
from accounts.phones.models import Channel, PhoneCode, State
from accounts.serializers import ProofForm
from config.web.text import TextField

PATIENCE = timedelta(seconds=30)  # after which another way is offered


class PhoneForm(serializers.Serializer):  # type: ignore[type-arg]
    phone = TextField(max_length=40, help_text="with its country code, or with `country`: +34 612 345 678")
    country = TextField(
        max_length=2, required=False, default="", allow_blank=True, help_text="ISO 3166, like ES"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs | {"phone": numbers.normal(attrs["phone"], attrs.pop("country").upper())}


class PhoneAskForm(PhoneForm):
    channel = serializers.ChoiceField(
        choices=Channel.choices,
        default=Channel.SMS,
        help_text="`email` sends the code to the confirmed address of the number's account, if there is one",
    )


class PhoneChangeForm(PhoneForm, ProofForm):
    """The new number, and the user's password or a code."""


class PhoneCodeForm(serializers.Serializer):  # type: ignore[type-arg]
    code = TextField(max_length=40)


class PhoneEnterForm(PhoneCodeForm):
    terms = TextField(
        max_length=20,
        required=False,
        default="",
        allow_blank=True,
        help_text="the version that was read; a new account agrees to it",
    )


class SentCodeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField(help_text="to be sent with the code; keep it to yourself")
    channel = serializers.ChoiceField(choices=Channel.choices)
    state = serializers.ChoiceField(choices=State.choices)
    phone = serializers.CharField()
    expires_at = serializers.DateTimeField()
    offer_email = serializers.BooleanField(
        help_text="the message failed or is not confirmed: ask for a code by e-mail"
    )


class PhoneSerializer(serializers.Serializer):  # type: ignore[type-arg]
    phone = serializers.CharField(allow_null=True)


class TokensSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """allauth's answer to a log-in. `meta` has the tokens."""

    status = serializers.IntegerField()
    data = serializers.DictField()
    meta = serializers.DictField()


def offers_email(row: PhoneCode) -> bool:
    late = row.created_at < timezone.now() - PATIENCE and row.state != State.DELIVERED
    return row.channel == Channel.SMS and (row.state == State.FAILED or late)


def show_code(row: PhoneCode) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in ("id", "channel", "state", "phone", "expires_at")}
    return shown | {"offer_email": offers_email(row)}
