"""Jobs as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.runs.places import Places
from config.web.serializers import RunFields, run_fields
from config.web.text import TextField
from generation import kinds
from generation.models import Job
from ml.types import ASPECTS, QUALITIES, STYLES

PROMPT = 1000  # characters, as ml.safety.MAX_PROMPT


class JobForm(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=kinds.choices(), default="image")
    twin = serializers.UUIDField(required=False, allow_null=True)
    prompt = TextField(max_length=PROMPT)
    negative_prompt = TextField(max_length=PROMPT, required=False, allow_blank=True)
    style = serializers.ChoiceField(choices=STYLES, required=False)
    aspect_ratio = serializers.ChoiceField(choices=ASPECTS, required=False)
    quality = serializers.ChoiceField(choices=QUALITIES, required=False)
    count = serializers.IntegerField(min_value=1, max_value=8, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    steps = serializers.IntegerField(min_value=1, max_value=50, required=False)


def quoted(user: Any, fields: dict[str, Any]) -> int:
    """The price of a request with these fields. Raises ValidationError."""
    form = JobForm(data={"prompt": "-", **fields})
    form.is_valid(raise_exception=True)
    asked = form.validated_data | {"twin": None}
    return kinds.get(asked["kind"]).price(Job(**asked))


class RepeatForm(serializers.Serializer):  # type: ignore[type-arg]
    same_seed = serializers.BooleanField(default=True)
    overrides = serializers.DictField(required=False)


class RecipeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.CharField()
    twin = serializers.UUIDField(allow_null=True)
    training = serializers.UUIDField(allow_null=True)
    prompt = serializers.CharField()
    negative_prompt = serializers.CharField(allow_blank=True)
    style = serializers.CharField()
    aspect_ratio = serializers.CharField()
    quality = serializers.CharField()
    count = serializers.IntegerField()
    seed = serializers.IntegerField()
    steps = serializers.IntegerField(allow_null=True)


class JobSerializer(RunFields):
    recipe = RecipeSerializer()
    items = serializers.ListField(child=serializers.UUIDField())


def show_job(job: Job, places: Places | None = None) -> dict[str, Any]:
    return run_fields(job, places) | {"recipe": job.recipe, "items": [o.item for o in job.outputs.all()]}
