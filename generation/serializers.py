"""Jobs as clients see them, and the forms that clients send about them."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from billing.engines import offers
from config.runs.places import Places
from config.web.serializers import RunFields, run_fields
from config.web.text import TextField
from generation import albums, demonstration, engines, eras, references
from generation.kinds.video import STAGES
from generation.models import Job
from ml import prompts
from ml.animation import FPS
from ml.types import ASPECTS, ERAS, QUALITIES, REGIONS, STRENGTH, STYLES

PROMPT = 1000  # characters, as ml.words.screening.MAX_PROMPT


class JobForm(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=["image"], default="image")
    twin = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="one's own, or the demonstration person of /twins/demonstration",
    )
    prompt = TextField(max_length=PROMPT)
    negative_prompt = TextField(max_length=PROMPT, required=False, allow_blank=True)
    style = serializers.ChoiceField(choices=STYLES, required=False)
    era = serializers.ChoiceField(
        choices=ERAS,
        required=False,
        allow_null=True,
        help_text="the time that the pictures show; /engines tells which an engine knows",
    )
    album = serializers.UUIDField(
        required=False, allow_null=True, help_text="an album of one's own, which gets the results"
    )
    aspect_ratio = serializers.ChoiceField(choices=ASPECTS, required=False)
    quality = serializers.ChoiceField(choices=QUALITIES, required=False)
    count = serializers.IntegerField(min_value=1, max_value=8, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    steps = serializers.IntegerField(
        min_value=1,
        max_value=50,
        required=False,
        help_text="replace the quality's; the price is that of the quality that takes as many, and grows"
        " in proportion beyond the highest",
    )
    engine = serializers.ChoiceField(
        choices=[],
        required=False,
        allow_blank=True,
        help_text="of /engines; else the one that trained the twin's version, else the usual one",
    )
    reference = serializers.UUIDField(
        required=False, allow_null=True, help_text="an item of one's own that the pictures begin from"
    )
    strength = serializers.FloatField(
        min_value=STRENGTH[0],
        max_value=STRENGTH[1],
        required=False,
        help_text="how much of the reference may change; 0.6 unless given",
    )

    adult = serializers.BooleanField(
        required=False, help_text="sexual content of one's own proven twin; needs a proof of age (/me/age)"
    )

    def validate_strength(self, share: float) -> float:
        return finite(share)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        names = [base.name for base in offers.configured()]
        self.fields["engine"].choices = names  # type: ignore[attr-defined]


def quoted(user: Any, fields: dict[str, Any]) -> dict[str, int]:
    """The price of a request with these fields, and how far the base reads its prompts when it does not read
    them whole. Raises ValidationError, NotFound, and what engines.chosen raises."""
    form = JobForm(data={"prompt": "-", **fields})
    form.is_valid(raise_exception=True)
    job = asked(user, form.validated_data)
    eras.check(job, job.base)
    read = {name: until for name, until in reading(job).items() if until is not None}
    return {"credits": job.job_kind.price(job)} | read


def asked(user: Any, fields: dict[str, Any]) -> Job:
    """The job that a valid form asks for, not saved. Raises NotFound, OnlyDrafts, and what engines.chosen
    raises."""
    fields = fields | {"album": albums.own(user, fields.get("album"))}
    fields = demonstration.chosen(user, fields)
    version = fields["twin"].active_training if fields["twin"] else None
    job = Job(**fields | {"user": user, "training": version})
    demonstration.check(job)
    job.engine = engines.chosen(job).name
    return job


def reading(job: Job) -> dict[str, int | None]:
    """How many characters of its prompts a job's base reads; None for the whole."""
    return {
        "prompt_read_until": prompts.read_until(
            job.base,
            job.prompt,
            style=job.style,
            subject=job.subject,
            twin=job.twin is not None or job.demonstration,
            era=job.era or "",
        ),
        "negative_prompt_read_until": prompts.negative_read_until(job.base, job.negative_prompt),
    }


def finite(share: float) -> float:
    """Raises ValidationError for "nan", which no bound refuses."""
    if not math.isfinite(share):
        raise serializers.ValidationError(_("Enter a number from 0.1 to 1."))
    return share


class RepairForm(serializers.Serializer):  # type: ignore[type-arg]
    """Either `mask` or `region` says what is painted again."""

    prompt = TextField(max_length=PROMPT)
    negative_prompt = TextField(max_length=PROMPT, required=False, allow_blank=True)
    mask = TextField(
        required=False,
        allow_blank=True,
        max_length=1_000_000,
        help_text="a PNG as large as the picture, in base64: white is painted again, black stays",
    )
    region = serializers.ChoiceField(choices=REGIONS, required=False, allow_blank=True)
    strength = serializers.FloatField(min_value=STRENGTH[0], max_value=STRENGTH[1], required=False)
    quality = serializers.ChoiceField(choices=QUALITIES, required=False)
    count = serializers.IntegerField(min_value=1, max_value=8, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)

    def validate_strength(self, share: float) -> float:
        return finite(share)

    def validate_mask(self, text: str) -> bytes:
        try:
            return base64.b64decode(
                text.partition(",")[2] if text.startswith("data:") else text, validate=True
            )
        except (ValueError, binascii.Error):
            raise references.MaskUnreadable from None


class EnlargeForm(serializers.Serializer):  # type: ignore[type-arg]
    times = serializers.ChoiceField(choices=(2, 4), default=2, help_text="as large, on each side")


class SimilarForm(serializers.Serializer):  # type: ignore[type-arg]
    count = serializers.IntegerField(min_value=1, max_value=8, default=4)


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
    era = serializers.CharField(allow_null=True)
    aspect_ratio = serializers.CharField()
    quality = serializers.CharField()
    count = serializers.IntegerField()
    seed = serializers.IntegerField()
    steps = serializers.IntegerField(allow_null=True)
    engine = serializers.CharField()
    reference = serializers.UUIDField(required=False, help_text="the item that it begins from")
    strength = serializers.FloatField(required=False)
    mask = serializers.UUIDField(required=False, help_text="of a repair, kept with the job")
    region = serializers.CharField(required=False)
    times = serializers.IntegerField(required=False, help_text="of an enlargement")
    duration = serializers.IntegerField(required=False, help_text="seconds of a clip")
    motion = serializers.CharField(required=False, help_text="of a clip; empty beside `action`")
    action = serializers.CharField(required=False, help_text="of a clip: its movement in words")
    pack = serializers.CharField(required=False, help_text="of headshots; empty when staff deleted it")
    presets = serializers.ListField(child=serializers.CharField(), required=False)


class FramesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    done = serializers.IntegerField()
    of = serializers.IntegerField()


class JobSerializer(RunFields):
    recipe = RecipeSerializer()
    frames = FramesSerializer(allow_null=True, help_text="of a clip at work")
    prompt_read_until = serializers.IntegerField(
        allow_null=True, help_text="how many characters of the prompt the base reads; null for all"
    )
    negative_prompt_read_until = serializers.IntegerField(allow_null=True)
    items = serializers.ListField(child=serializers.UUIDField())
    album = serializers.UUIDField(allow_null=True, help_text="that gets the results")
    demonstration = serializers.BooleanField(help_text="whether it shows the demonstration person")
    unlike = serializers.IntegerField(
        help_text="how many items are below the base's likeness floor; they cost nothing, up to the price of"
        " one training a day"
    )


class DemonstrationSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The person of whom everybody can make drafts: drawn, invented, nobody's twin."""

    id = serializers.UUIDField(help_text="the `twin` of a request for pictures")
    name = serializers.CharField()
    subject_class = serializers.CharField()
    status = serializers.CharField()
    demonstration = serializers.BooleanField()
    engine = serializers.CharField()
    quality = serializers.CharField(help_text="the only one; others are refused")
    limit = serializers.IntegerField(help_text="free pictures in 24 hours")
    left = serializers.IntegerField()


def show_job(job: Job, places: Places | None = None) -> dict[str, Any]:
    prefetch_related_objects([job], "outputs")
    items = [o.item for o in job.outputs.all()]
    return run_fields(job, places) | {
        "recipe": job.recipe,
        "frames": frames_of(job),
        "items": items,
        "album": job.album_id,
        "demonstration": job.demonstration,
        "unlike": job.unlike(),
        **reading(job),
    }


def frames_of(job: Job) -> dict[str, int] | None:
    """How many frames of a clip at work are made, by its progress; None for everything else."""
    if not job.duration or not job.is_open:
        return None
    first, last = STAGES["animating"]
    made = min(1.0, max(0.0, (job.share - first) / (last - first)))
    return {"done": int(made * job.duration * FPS), "of": job.duration * FPS}
