"""Sessions as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.web.text import NameField
from generation.sessions.following import runs_of, state_of
from generation.sessions.models import Session
from generation.sessions.services import NAME

MOST = 1000  # things of each kind in one request


class SessionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField(help_text="of its runs as one, as that of a run")
    progress = serializers.FloatField(help_text="the mean of its runs")
    open = serializers.IntegerField()
    failed = serializers.IntegerField()
    jobs = serializers.ListField(child=serializers.UUIDField())
    trainings = serializers.ListField(child=serializers.UUIDField())
    pictures = serializers.IntegerField(help_text="what DELETE with `pictures` deletes")
    created_at = serializers.DateTimeField()


def show_session(session: Session) -> dict[str, Any]:
    """`session`: as `for_clients` loads it."""
    state = state_of(runs_of(session))
    return {
        "id": session.id,
        "name": session.name,
        "status": state.status,
        "progress": state.progress,
        "open": state.open,
        "failed": state.failed,
        "jobs": [job.id for job in session.jobs.all()],
        "trainings": [training.id for training in session.trainings.all()],
        "pictures": session.picture_count,  # type: ignore[attr-defined]
        "created_at": session.created_at,
    }


class SessionForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=NAME)


def _ids() -> serializers.ListField:
    return serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST)


class PartsForm(serializers.Serializer):  # type: ignore[type-arg]
    jobs = _ids()
    trainings = _ids()
    items = _ids()


class SessionChangeForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=NAME, required=False)
    add = PartsForm(required=False)
    remove = PartsForm(required=False)


class SessionRepeatForm(serializers.Serializer):  # type: ignore[type-arg]
    twin = serializers.UUIDField(required=False, help_text="another twin, in the place of each twin")


class SessionDeletedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    pictures = serializers.IntegerField(help_text="how many pictures were deleted")
