"""What people send about cases: the same fields for the API and for the pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config import registry
from config.errors import NotFound
from config.web.text import NameField, TextField
from config.web.text import address as normal_address
from moderation.cases.models import Case
from moderation.cases.reasons import REASONS


class Contact(serializers.EmailField):
    def to_internal_value(self, data: Any) -> str:
        return normal_address(super().to_internal_value(data))


class SubjectForm(serializers.Serializer):  # type: ignore[type-arg]
    kind = TextField(max_length=20, help_text="What it is: `publication`, `comment`, `share` and so on.")
    id = TextField(max_length=40)


class ReportForm(serializers.Serializer):  # type: ignore[type-arg]
    subject = SubjectForm()
    reason = serializers.ChoiceField(list(REASONS))
    text = TextField(max_length=2000, required=False, allow_blank=True, default="")
    contact = Contact(required=False, allow_blank=True, help_text="Nothing is sent there.")

    def validate_subject(self, value: dict[str, str]) -> dict[str, str]:
        if value["kind"] not in registry.subjects:
            raise NotFound
        return value


class TakedownForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=80, help_text="Your name, as a signature.")
    contact = Contact(help_text="The e-mail address that the outcome is sent to.")
    address = TextField(
        max_length=500, required=False, allow_blank=True, default="", help_text="Where the picture is seen."
    )
    text = TextField(
        max_length=2000, required=False, allow_blank=True, default="", help_text="Which picture it is."
    )
    file = serializers.FileField(
        required=False,
        help_text="The picture itself. It is compared with the pictures here and not kept; its hashes are.",
    )
    reason = serializers.ChoiceField(list(REASONS), default="me")
    good_faith = serializers.BooleanField(help_text="Must be true: see the statement on the page /takedown/.")

    def validate_good_faith(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError(_("Agree to the statement: a notice is not valid without it."))
        return value


class AppealForm(serializers.Serializer):  # type: ignore[type-arg]
    text = TextField(min_length=10, max_length=2000)


class LookUpForm(serializers.Serializer):  # type: ignore[type-arg]
    secret = TextField(max_length=64, required=False, default="", allow_blank=True)
    contact = TextField(max_length=254, required=False, default="", allow_blank=True)


class CaseSerializer(serializers.Serializer):  # type: ignore[type-arg]
    case = serializers.CharField(help_text="The number of the case")
    kind = serializers.ChoiceField(Case.Kind.choices)
    state = serializers.ChoiceField(Case.State.choices)


class OutcomeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    outcome = serializers.ChoiceField(["keep", "remove"])
    reason = serializers.CharField()
    detail = serializers.CharField(help_text="The reasons in words")
    decided_at = serializers.DateTimeField()


class TakedownSerializer(CaseSerializer):
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(help_text="48 hours after the notice")
    decision = OutcomeSerializer(allow_null=True)


class FiledSerializer(CaseSerializer):
    due_at = serializers.DateTimeField()
    secret = serializers.CharField(
        help_text="Opens the status, beside the contact address. Empty when the same was sent before."
    )
