"""Twins, photos and trainings as clients see them, and the forms that clients send about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from billing.engines import offers
from config.runs.models import Status
from config.runs.places import Places
from config.runs.sentences import SENTENCES as RUN_SENTENCES
from config.studio import get_base
from config.web.serializers import RunFields, run_fields
from config.web.text import NameField
from ml.catalogue import Base
from twins import checks, renewals
from twins.avatars.serializers import DrawnSerializer, show_of_training
from twins.models import LEAST, Photo, Training, Twin


class MissingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    detail = serializers.CharField()


class ReadinessSerializer(serializers.Serializer):  # type: ignore[type-arg]
    accepted = serializers.IntegerField()
    needed = serializers.IntegerField()
    missing = MissingSerializer(many=True)
    people = serializers.ListField(
        child=serializers.ListField(child=serializers.UUIDField()),
        help_text="when the photos show more than one person: the photos of each; a training waits until"
        " they show one",
    )


class TwinForm(serializers.Serializer):  # type: ignore[type-arg]
    name = NameField(max_length=80)
    subject_class = serializers.ChoiceField(choices=Twin.Subject.choices, required=False)


class TwinSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    subject_class = serializers.CharField()
    status = serializers.CharField()
    photo_count = serializers.IntegerField()
    readiness = ReadinessSerializer()
    active_training = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


def status_of(twin: Any) -> str:
    """The API's status of a twin. `twin` comes from with_facts()."""
    if twin.disabled_at:
        return "disabled"
    if twin.is_read_only:
        return "read_only"
    if twin.newest_status in (Status.QUEUED, Status.RUNNING):
        return "training"
    if twin.active_training_id:
        return "trained"
    if twin.newest_status == Status.FAILED:
        return "failed"
    return "ready" if twin.accepted_count >= LEAST else "draft"


def show_twin(twin: Any) -> dict[str, Any]:
    """`twin` comes from for_clients()."""
    ready = checks.readiness(list(twin.photos.all()))
    return {
        "id": twin.id,
        "name": twin.name,
        "subject_class": twin.subject_class,
        "status": status_of(twin),
        "photo_count": twin.photo_count,
        "readiness": {
            "accepted": ready.accepted,
            "needed": ready.needed,
            "missing": [{"code": c, "detail": d} for c, d in ready.missing],
            "people": [[photo.id for photo in person] for person in ready.people],
        },
        "active_training": twin.active_training_id,
        "created_at": twin.created_at,
    }


# ---------------------------------------------------------------- photos


class PhotoSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    twin = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["checking", "accepted", "refused"])
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(
        allow_null=True, help_text="why it was refused, or a hint on an accepted one"
    )
    kind = serializers.ChoiceField(choices=["drawn", "photograph"], allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    box = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    hints = serializers.ListField(child=serializers.CharField())
    file_name = serializers.CharField()
    created_at = serializers.DateTimeField()


class PhotoForm(serializers.Serializer):  # type: ignore[type-arg]
    """Either `file`, or `photo`: the id of one of the user's accepted photos."""

    file = serializers.FileField(required=False, allow_empty_file=True)
    photo = serializers.UUIDField(required=False)


def show_photo(photo: Photo) -> dict[str, Any]:
    """A failed check (a full disk, for example) is shown as refused, with the run's code and sentence."""
    refused = photo.accepted is False or photo.status in (Status.FAILED, Status.CANCELLED)
    status = "refused" if refused else "accepted" if photo.accepted else "checking"
    code = photo.code or photo.error_code or None
    detail = checks.sentence_of(photo) or RUN_SENTENCES.get(photo.error_code) or photo.error_detail or None
    return {
        "id": photo.id,
        "twin": photo.twin_id,
        "status": status,
        "code": code,
        "detail": str(detail) if detail else None,
        "kind": photo.kind,
        "width": photo.width,
        "height": photo.height,
        "box": photo.box,
        "hints": photo.hints,
        "file_name": photo.file_name,
        "created_at": photo.created_at,
    }


# ---------------------------------------------------------------- trainings


class TrainingForm(serializers.Serializer):  # type: ignore[type-arg]
    base = serializers.ChoiceField(choices=[], required=False)
    steps = serializers.IntegerField(
        min_value=4, required=False, help_text="at most as many as the base's recipe takes"
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    resolution = serializers.IntegerField(
        required=False, help_text="pixels of a picture's side; what the base was made for"
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        names = [base.name for base in offers.configured() if base.trains]
        self.fields["base"].choices = names  # type: ignore[attr-defined]

    def _base(self, attrs: dict[str, Any]) -> Base:
        """The named base, or the usual one of the user in the context. Raises EngineUnknown, PlanRequired."""
        user = self.context.get("user")
        return get_base(attrs.get("base") or (offers.default(user, trains=True) if user else None))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        base = self._base(attrs)
        if attrs.pop("resolution", base.resolution) != base.resolution:
            raise serializers.ValidationError(
                {"resolution": [_("This base trains at %(pixels)s pixels.") % {"pixels": base.resolution}]}
            )
        if attrs.get("steps", 0) > base.recipe.steps_most:  # the price and the free training cover no more
            most = {"most": base.recipe.steps_most}
            raise serializers.ValidationError(
                {"steps": [_("This base trains at most %(most)s steps.") % most]}
            )
        return attrs


class TrainingSerializer(RunFields):
    twin = serializers.UUIDField()
    number = serializers.IntegerField()
    base = serializers.CharField()
    seed = serializers.IntegerField()
    steps = serializers.IntegerField(allow_null=True)
    checkpoint = serializers.IntegerField(allow_null=True)
    likeness = serializers.FloatField(allow_null=True)
    likeness_base = serializers.FloatField(allow_null=True)
    likeness_real = serializers.FloatField(allow_null=True)
    avatar = DrawnSerializer(
        allow_null=True,
        help_text="the drawn avatar that it shows in place of real photos; such a twin has no likeness",
    )
    older_base = serializers.BooleanField(
        help_text="whether its base has changed since: it goes on as it was, and a new training would use"
        " today's; the quote of a training says whether that is free"
    )
    seconds = serializers.FloatField(allow_null=True)
    samples = serializers.ListField(
        child=serializers.CharField(),
        help_text="addresses of pictures by this version, or by its checkpoints so far",
    )
    active = serializers.BooleanField()
    engines = serializers.ListField(
        child=serializers.CharField(),
        help_text="the engines that make pictures of this version for you; empty before it is trained, and"
        " where no engine here can any more",
    )


def show_training(
    training: Training, places: Places | None = None, *, usable: Sequence[Base] | None = None
) -> dict[str, Any]:
    """`usable` are the owner's engines (billing.engines.offers.usable), for a list read once for all rows."""
    measured = training.is_measured
    engines = offers.usable(training.user) if usable is None else usable
    return run_fields(training, places) | {
        "twin": training.twin_id,
        "number": training.number,
        "base": training.base,
        "seed": training.seed,
        "steps": training.steps,
        "checkpoint": training.checkpoint,
        "likeness": training.likeness if measured else None,
        "likeness_base": training.likeness_base if measured else None,
        "likeness_real": training.likeness_real if measured else None,
        "avatar": show_of_training(training),
        "older_base": renewals.is_older(training),
        "seconds": training.seconds,
        "samples": [f"/api/v1/trainings/{training.id}/samples/{n}" for n in range(training.samples)],
        "active": training.twin.active_training_id == training.id,
        "engines": [base.name for base in offers.serving_among(engines, training)],
    }
