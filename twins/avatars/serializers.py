"""Avatars as clients see them: that of a twin before its training, and that of a training."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.vault.sealing import Tampered
from config.runs.sentences import SENTENCES
from ml.avatar.avatar import CHOICES, CUTS, from_facts, traits_of
from ml.avatar.avatar import Avatar as Drawn
from ml.errors import MLError
from twins.avatars import fitting
from twins.avatars.models import Avatar
from twins.avatars.sentences import LABEL, NOTES
from twins.models import Training, Twin

STATES = ("none", "fitting", "ready", "refused")
SKIN = {"min_value": 0, "max_value": 1, "help_text": "tone of the skin, 0 fair to 1 dark"}


def _choice(name: str, **options: Any) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=CHOICES[name][0], **options)


class AvatarForm(serializers.Serializer):  # type: ignore[type-arg]
    """The traits to correct; null takes a correction back. Each wrong value has a code of its own."""

    def get_fields(self) -> dict[str, Any]:
        options = {"required": False, "allow_null": True}
        chosen = {name: _choice(name, **options) for name in CHOICES}
        return chosen | {"skin": serializers.FloatField(**options, **SKIN)}  # type: ignore[arg-type]


class TraitsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    hair = serializers.ChoiceField(choices=CUTS)
    hair_colour = _choice("hair_colour")
    skin = serializers.FloatField(**SKIN)  # type: ignore[arg-type]
    eyes = _choice("eyes")
    glasses = _choice("glasses")
    beard = _choice("beard")


class NoteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    detail = serializers.CharField()


class DrawnSerializer(serializers.Serializer):  # type: ignore[type-arg]
    label = serializers.CharField(help_text="what every picture of it is called")
    traits = TraitsSerializer(allow_null=True, help_text="null where they were not kept")
    corrected = serializers.ListField(
        child=serializers.CharField(), help_text="the traits that were corrected by hand"
    )
    notes = NoteSerializer(many=True, help_text="what could not be read in the photos")
    picture = serializers.CharField(allow_null=True, help_text="address of a drawing of it")


class AvatarSerializer(DrawnSerializer):
    twin = serializers.UUIDField()
    status = serializers.ChoiceField(
        choices=STATES, help_text="`none`: nothing is drawn yet, or nothing is to be drawn, see `needed`"
    )
    needed = serializers.BooleanField(
        help_text="whether the built-in engine would draw this twin: it has real photos, and that engine is"
        " offered to you"
    )
    code = serializers.CharField(allow_null=True, help_text="why no avatar fits the photos")
    detail = serializers.CharField(allow_null=True)


def show_avatar(twin: Twin) -> dict[str, Any]:
    photos = list(twin.photos.accepted())
    avatar = fitting.newest(twin)
    shown = _status_of(avatar) | {"twin": twin.id, "needed": fitting.is_needed(twin, photos)}
    drawn = _drawn(avatar) if avatar and avatar.is_ready else None
    if avatar is None or drawn is None:
        return shown | show_drawn(None, [], None)
    picture = f"/api/v1/twins/{twin.id}/avatar/picture"
    return shown | show_drawn(drawn, sorted(avatar.corrections), picture)


def _status_of(avatar: Avatar | None) -> dict[str, Any]:
    if avatar is None:
        return {"status": "none", "code": None, "detail": None}
    if avatar.is_open or avatar.is_ready:
        return {"status": "fitting" if avatar.is_open else "ready", "code": None, "detail": None}
    code = avatar.error_code or "internal"  # a cancelled one is deleted at once
    return {"status": "refused", "code": code, "detail": str(SENTENCES.get(code) or avatar.error_detail)}


def _drawn(avatar: Avatar) -> Drawn | None:
    try:
        return avatar.drawn()
    except (FileNotFoundError, Tampered, MLError):
        return None


def show_of_training(training: Training) -> dict[str, Any] | None:
    """The avatar that a training draws; None where it shows the photos themselves."""
    if not training.is_avatar:
        return None
    facts = training.avatar_facts()
    if facts is None:
        return show_drawn(None, [], None)
    picture = f"/api/v1/trainings/{training.id}/avatar"
    return show_drawn(from_facts(facts), sorted(training.corrections), picture)


def show_drawn(drawn: Drawn | None, corrected: list[str], picture: str | None) -> dict[str, Any]:
    notes = drawn.notes if drawn else ()
    return {
        "label": str(LABEL),
        "traits": traits_of(drawn) if drawn else None,
        "corrected": corrected,
        "notes": [{"code": note, "detail": str(NOTES.get(note, note))} for note in notes],
        "picture": picture,
    }
