"""Jobs and their outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from billing.runs import REMOTE, PaidRun, by_place
from config.runs.models import RunQuerySet
from config.studio import get_base
from generation import kinds
from generation.packs import models as packs  # noqa: F401  registers its models
from generation.presets import models as presets  # noqa: F401  registers its models
from generation.sessions import models as sessions  # noqa: F401  registers its models
from ml.catalogue import Base
from ml.demonstration import SUBJECT
from twins.demonstration import DEMONSTRATION
from twins.models import Training, Twin


def mask_file(ident: UUID) -> str:
    """The name in the vault of the mask of a repair, a PNG."""
    return f"masks/{ident}.png"


class JobQuerySet(RunQuerySet):
    def for_clients(self) -> Self:
        """Loads what show_job reads."""
        return self.select_related("twin", "training", "pack").prefetch_related("outputs")

    def by_prompt(self) -> Self:
        """Those that are asked for by a prompt, whose results the studio shows."""
        return self.exclude(kind__in=kinds.without_prompt())


class Job(PaidRun):
    """One request for `count` results, such as pictures. `kind` decides the queue, the task and the price."""

    kind = models.CharField(max_length=12, default="image")
    twin = models.ForeignKey(Twin, models.SET_NULL, null=True, related_name="jobs")
    training = models.ForeignKey(Training, models.SET_NULL, null=True, related_name="jobs")
    of_twin = models.BooleanField(default=True)  # stays True when that twin is deleted
    demonstration = models.BooleanField(default=False, db_default=False)  # of the demonstration person
    prompt = models.TextField(max_length=2000)
    negative_prompt = models.TextField(max_length=2000, blank=True)
    style = models.CharField(max_length=20, default="photorealistic")
    era = models.CharField(max_length=8, null=True)  # of ml.types.ERAS
    aspect_ratio = models.CharField(max_length=5, default="1:1")
    quality = models.CharField(max_length=10, default="standard")
    count = models.PositiveSmallIntegerField(default=1)
    seed = models.PositiveIntegerField()
    steps = models.PositiveSmallIntegerField(null=True)
    adult = models.BooleanField(default=False, db_default=False)  # see generation/adult.py
    # px of the longer side that the plan allows; None means no limit
    longest = models.PositiveIntegerField(null=True)
    # The picture (gallery.Item) that it begins from, and how much of it may change. A repair has a mask in
    # the vault, or the name of a region.
    reference = models.UUIDField(null=True)
    strength = models.FloatField(null=True)
    mask = models.UUIDField(null=True)
    region = models.CharField(max_length=12, blank=True, default="", db_default="")
    times = models.PositiveSmallIntegerField(null=True)  # as large as the reference: of enlargements
    # Of clips: seconds, and the movement, one of ml.motions.MOTIONS or in words.
    duration = models.PositiveSmallIntegerField(null=True)
    motion = models.CharField(max_length=20, blank=True, default="", db_default="")
    action = models.CharField(max_length=300, blank=True, default="", db_default="")
    # Of headshots: the pack, the codes of the chosen presets, and the prompt of each picture.
    pack = models.ForeignKey("generation.Pack", models.SET_NULL, null=True, related_name="+")
    presets = ArrayField(models.CharField(max_length=40), default=list, db_default=[], blank=True)
    shots = ArrayField(models.TextField(), default=list, db_default=[], blank=True)
    repeats = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    # Results are put into it. One that was deleted meanwhile takes none.
    album = models.ForeignKey("gallery.Album", models.SET_NULL, null=True, related_name="+")

    objects = JobQuerySet.as_manager()

    class Meta(PaidRun.Meta):
        ordering = ("-created_at", "-id")
        permissions = (("retry_job", "Can run a failed job again"),)
        indexes = (
            *PaidRun.Meta.indexes,
            models.Index(fields=["user", "-created_at", "-id"], name="jobs_of_a_user"),
            models.Index(fields=["finished_at"], name="jobs_by_end"),  # what ended lately: /metrics, figures
        )

    @property
    def is_wanted(self) -> bool:
        return not self.of_twin or (self.twin_id is not None and self.training_id is not None)

    @property
    def needs_proven_address(self) -> bool:
        """The few free drafts of the demonstration person come before the e-mail's link is opened."""
        return not self.demonstration

    @property
    def job_kind(self) -> kinds.JobKind:
        return kinds.get(self.kind)

    @property
    def task(self) -> str:  # type: ignore[override]
        return kinds.task_and_queue(self.kind)[0]

    @property
    def queue(self) -> str:  # type: ignore[override]
        return REMOTE if self.service else kinds.task_and_queue(self.kind)[1]

    @property
    def kind_name(self) -> str:  # type: ignore[override]
        return self.kind

    @classmethod
    def by_queue(cls) -> dict[str, Q]:
        return by_place({queue: Q(kind__in=names) for queue, names in kinds.by_queue().items()})

    @property
    def subject(self) -> str:
        """The class of who is shown."""
        if self.demonstration:
            return SUBJECT
        return self.twin.subject_class if self.twin else "person"

    @property
    def base(self) -> Base:
        """The engine that makes it. Rows of older versions name none: then its training's base does."""
        return get_base(self.engine or (self.training.base if self.training else None))

    @property
    def recipe(self) -> dict[str, object]:
        """Every parameter, named as in a request: sent again, they repeat the job."""
        return {
            "kind": self.kind,
            "twin": self._whose(),
            "training": str(self.training_id) if self.training_id else None,
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "style": self.style,
            "era": self.era,
            "aspect_ratio": self.aspect_ratio,
            "quality": self.quality,
            "count": self.count,
            "seed": self.seed,
            "steps": self.steps,
            "engine": self.base.name,
            **({"adult": True} if self.adult else {}),
            **self._begins_from(),
            **self._moves(),
        } | ({"pack": self.pack.code if self.pack else "", "presets": self.presets} if self.shots else {})

    def _whose(self) -> str | None:
        """The id of the twin that a request names."""
        return str(DEMONSTRATION if self.demonstration else self.twin_id or "") or None

    def _begins_from(self) -> dict[str, object]:
        fields = ("reference", "strength", "mask", "region", "times") if self.reference else ()
        found = {name: getattr(self, name) for name in fields}
        return {name: str(v) if isinstance(v, UUID) else v for name, v in found.items() if v}

    def _moves(self) -> dict[str, object]:
        if not self.duration:
            return {}
        return {"duration": self.duration, "motion": self.motion, "action": self.action}

    @classmethod
    def known_files(cls, user_id: UUID) -> Iterator[str]:
        masks = cls.objects.filter(user=user_id, mask__isnull=False).values_list("mask", flat=True)
        yield from (mask_file(ident) for ident in masks.iterator())

    def delivered(self) -> int:
        return self.outputs.count()

    def earned(self) -> int:
        """The credits for the delivered results that show the twin: their share of the price, rounded up.
        Rounded down, one of two drafts would be free."""
        return self._price_of(self.delivered() - self.unlike())

    def worked(self) -> int:
        """Also counts delivered results that do not show the twin."""
        return max(super().worked(), self._price_of(self.delivered()))

    def unlike(self) -> int:
        """How many delivered results do not show the twin."""
        return sum(not output.recognised for output in self.outputs.all())

    @property
    def spared(self) -> int:
        """Credits for delivered results that were not charged, because they do not show the twin."""
        return 0 if self.is_open or not self.unlike() else self._price_of(self.delivered()) - self.captured

    def done(self) -> float:
        """What was delivered and the begun result, without results that were refused. Right after a delivery
        the share may still be that of the delivered result, which is then not begun."""
        units, delivered = round(self.share * self.count, 6), self.delivered()
        begun = units % 1 if units >= delivered else 0
        return min(1.0, (delivered + begun) / self.count)

    def _price_of(self, results: int) -> int:
        return math.ceil(self.price * results / self.count)


class Output(models.Model):
    """Result `index` of a job, delivered as `item`. The row stays when the owner deletes the item."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="outputs")
    index = models.PositiveSmallIntegerField()
    item = models.UUIDField()
    # False: a twin's result below its base's likeness floor
    recognised = models.BooleanField(default=True, db_default=True)
    # What contact sheets sort by: how surely it shows the twin (0..1), and how sharp its face is.
    alike = models.FloatField(null=True)
    sharpness = models.FloatField(null=True)

    class Meta:
        ordering = ("index",)
        constraints = (models.UniqueConstraint(fields=["job", "index"], name="one_output_an_index"),)

    def __str__(self) -> str:
        return f"{self.job_id} {self.index}"
