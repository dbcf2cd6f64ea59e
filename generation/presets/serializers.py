"""Presets as clients see them, and the form that clients send."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.web.text import NameField
from generation.presets.models import StudioPreset
from generation.serializers import JobForm


class SettingsForm(JobForm):
    """What a preset keeps of a request for pictures."""

    kind = twin = prompt = album = seed = reference = strength = adult = None  # type: ignore[assignment]


class PresetForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=60)
    settings = SettingsForm()


class StudioPresetSerializer(PresetForm):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()


def show_preset(preset: StudioPreset) -> dict[str, Any]:
    return {name: getattr(preset, name) for name in ("id", "name", "settings", "created_at")}
