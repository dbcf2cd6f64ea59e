"""Twins: a person's photos with their verdicts, and the trainings on these photos."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from accounts.vault.sealing import Tampered
from accounts.vault.vault import store
from billing import limits
from billing.runs import FULL, REMOTE, PaidRun, by_place
from config.querysets import OwnedQuerySet
from config.runs.models import OPEN, Run, RunQuerySet, Status
from ml.catalogue import BASES
from ml.nets.scales import is_drawn
from twins.avatars import models as avatars  # noqa: F401  registers its models
from twins.proof import models as proof  # noqa: F401  registers its models
from twins.redo import models as redo  # noqa: F401  registers its models

LEAST, MOST = 10, 25  # a training needs LEAST accepted photos; a twin holds at most MOST
TRIED = ("likeness_too_low", "consent_withdrawn")  # failures that are no fault of ours
SIGN = 1 << 63  # maps an unsigned 64-bit perceptual hash to a signed database integer
SAMPLES = 4  # sample pictures of a training, at most


class TwinQuerySet(OwnedQuerySet):
    def locked(self, ident: Any) -> Twin | None:
        """Locks the twin's row until the transaction ends, so that its photos change one at a time.

        FOR NO KEY UPDATE lets foreign-key checks on this twin go on. Lock order: training, twin, photo.
        """
        return self.select_for_update(no_key=True).filter(id=ident).first()

    def with_face(self) -> Self:
        """Annotates `face`, the id of the first accepted photo."""
        return self.annotate(
            face=Subquery(Photo.objects.accepted().filter(twin=OuterRef("pk")).values("id")[:1])
        )

    def with_older(self) -> Self:
        """Annotates `older`, the number of the owner's older twins, and `plan_twins`, the number of twins in
        the owner's plan. `is_read_only` needs both."""
        before = Q(created_at__lt=OuterRef("created_at")) | Q(
            created_at=OuterRef("created_at"), id__lt=OuterRef("id")
        )
        count = (
            Twin.objects.filter(before, user=OuterRef("user"))
            .order_by()
            .values("user")
            .annotate(n=Count("id"))
        )
        return self.annotate(
            older=Coalesce(Subquery(count.values("n")), 0),
            plan_twins=Coalesce(F("user__wallet__plan__twins"), 0),
        )

    def with_facts(self) -> Self:
        """Annotates `photo_count`, `accepted_count`, the newest training's `newest_status`, and what
        with_older adds."""
        newest = Training.objects.filter(twin=OuterRef("pk")).order_by("-number")
        return (
            self.with_older()
            .select_related("active_training")
            .annotate(
                photo_count=Count("photos", filter=Photo.held_by_twin("photos__"), distinct=True),
                accepted_count=Count("photos", filter=Q(photos__accepted=True), distinct=True),
                newest_status=Subquery(newest.values("status")[:1]),
            )
        )

    def for_clients(self) -> Self:
        """Loads what show_twin reads: with_facts() and the measurements of the accepted photos."""
        measured = Photo.objects.accepted().only(
            *("twin_id", "accepted", "status", "width", "points", "yaw", "light", "hints", "hash"),
            *("embedding", "embedder"),
        )
        return self.with_facts().prefetch_related(Prefetch("photos", measured))


class Twin(models.Model):
    """A person's likeness: a name, photos, trainings, and the training in use."""

    class Subject(models.TextChoices):
        PERSON = "person", _("person")
        WOMAN = "woman", _("woman")
        MAN = "man", _("man")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="twins")
    name = models.CharField(_("name"), max_length=80)
    subject_class = models.CharField(
        _("who it shows"), max_length=10, choices=Subject.choices, default=Subject.PERSON
    )
    active_training = models.ForeignKey("Training", models.SET_NULL, null=True, blank=True, related_name="+")
    # Stays True when the free training is deleted.
    had_free_training = models.BooleanField(default=False, editable=False)
    # It shows somebody else than its owner, who consents by a link (proof.Invitation).
    of_other = models.BooleanField(default=False, db_default=False, editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)  # when the consent was withdrawn
    # The version of the base for which the free training of renewals.py is used up.
    renewed_for = models.CharField(max_length=16, blank=True, db_default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TwinQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["user", "-created_at", "-id"], name="twins_of_a_user"),)

    def __str__(self) -> str:
        return self.name

    def folder(self) -> str:
        return f"twins/{self.id}"

    @property
    def is_read_only(self) -> bool:
        """Whether the owner's older twins already fill the plan. Needs with_older()."""
        return limits.is_read_only(self.plan_twins, self.older)  # type: ignore[attr-defined]


class PhotoQuerySet(RunQuerySet):
    def accepted(self) -> Self:
        return self.filter(accepted=True)

    def unrenewed(self) -> Self:
        """Accepted photos with a vector of older code, which judged all as drawn (`reembed_photos`)."""
        return self.accepted().filter(points=None, embedding__isnull=False)

    def of_twin(self) -> Self:
        """The photos that count against MOST: those being checked and the accepted ones."""
        return self.filter(Photo.held_by_twin())


class Photo(Run):
    """One upload and its check.

    Boxes are in pixels of the upright original; the embedding is of the largest face.
    """

    task, queue, kind_name = "twins.check_photo", "cpu", "photo"

    twin = models.ForeignKey(Twin, models.CASCADE, related_name="photos")
    file_name = models.CharField(max_length=120, blank=True)  # private: shown to the owner only
    accepted = models.BooleanField(null=True)  # None until the check ends
    code = models.CharField(max_length=20, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    box = ArrayField(models.FloatField(), size=4, null=True)
    # x y of the eyes, the nose, the corners of the mouth; None in rows that `reembed_photos` has to renew
    points = ArrayField(models.FloatField(), size=10, null=True)
    yaw = models.FloatField(null=True)  # degrees
    light = models.FloatField(null=True)  # 0..1
    warmth = models.FloatField(null=True)
    sharpness = models.FloatField(null=True)
    hints = ArrayField(models.CharField(max_length=30), default=list)
    embedding = VectorField(null=True)  # of the embedder's length
    embedder = models.CharField(max_length=40, blank=True)  # also says whether the photo is drawn
    hash = models.BigIntegerField(null=True)  # 64 bits, as a signed number
    size = models.PositiveIntegerField(default=0)  # bytes of the clean copy

    objects = PhotoQuerySet.as_manager()

    class Meta(Run.Meta):
        ordering = ("created_at", "id")

    @staticmethod
    def held_by_twin(prefix: str = "") -> Q:
        open_ = Q(**{f"{prefix}status__in": [Status.QUEUED, Status.RUNNING]})
        return open_ | Q(**{f"{prefix}accepted": True})

    @property
    def kind(self) -> str | None:
        """What the picture is, `drawn` or `photograph`; None where that was not judged."""
        drawn = is_drawn(self.embedder) if self.points else None  # see `points`
        return None if drawn is None else "drawn" if drawn else "photograph"

    def on_end(self) -> None:
        """Deletes the uploaded bytes. A photo that was not accepted loses its other files too."""
        super().on_end()
        names = [self.quarantine] + ([] if self.accepted else [self.clean, self.thumbnail])
        files = store(self.user_id)
        transaction.on_commit(lambda: [files.delete(name) for name in names], robust=True)

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for photo in cls.objects.filter(cls.held_by_twin(), user=user_id).only("id", "twin_id", "status"):
            yield from (photo.clean, photo.thumbnail, *([photo.quarantine] if photo.is_open else []))

    @property
    def quarantine(self) -> str:
        return f"quarantine/{self.id}"

    @property
    def clean(self) -> str:
        return f"twins/{self.twin_id}/photos/{self.id}.jpg"

    @property
    def thumbnail(self) -> str:
        return f"twins/{self.twin_id}/thumbnails/{self.id}.jpg"


class TrainingQuerySet(RunQuerySet):
    def with_twin(self) -> Self:
        """Joins the twin: show_training reads from it whether this version is active."""
        return self.select_related("twin")

    def measured(self) -> Self:
        """Those with a likeness by the embedder that suits their photos: a figure by the other one cannot
        tell strangers apart. While that is not known, the figure is not shown."""
        unknown = Photo.objects.unrenewed().filter(twin=OuterRef("twin"))
        return self.filter(~Exists(unknown), likeness__isnull=False)

    def trained(self) -> Self:
        return self.filter(status=Status.SUCCEEDED)


class Training(PaidRun):
    """One version of a twin's weights."""

    task, kind_name = "twins.train", "training"

    twin = models.ForeignKey(Twin, models.CASCADE, related_name="trainings")
    number = models.PositiveIntegerField()  # the version, from 1
    base = models.CharField(max_length=40)
    seed = models.PositiveIntegerField(default=0)
    threads = models.PositiveSmallIntegerField(null=True)
    steps = models.PositiveIntegerField(null=True)
    free = models.BooleanField(default=False, editable=False)  # the first in a twin slot
    photos = models.ManyToManyField(Photo, related_name="trainings")
    checkpoint = models.PositiveIntegerField(null=True)
    likeness = models.FloatField(null=True)
    likeness_base = models.FloatField(null=True)
    likeness_real = models.FloatField(null=True)
    loss_first = models.FloatField(null=True)
    loss_last = models.FloatField(null=True)
    seconds = models.FloatField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    samples = models.PositiveSmallIntegerField(default=0)  # number of sample pictures
    # A drawn avatar: `avatar_file` has its facts, `corrections` what its person changed by hand.
    has_avatar = models.BooleanField(default=False, db_default=False, editable=False)
    corrections = models.JSONField(default=dict, db_default={}, editable=False)
    base_version = models.CharField(max_length=16, blank=True, db_default="", editable=False)  # fingerprint
    renews = models.BooleanField(default=False, db_default=False, editable=False)  # free, see renewals.py

    objects = TrainingQuerySet.as_manager()

    class Meta(PaidRun.Meta):
        ordering = ("-number",)
        permissions = (("retry_training", "Can run a failed training again"),)
        constraints = (
            *PaidRun.Meta.constraints,
            models.UniqueConstraint(
                fields=["twin"], condition=Q(status__in=["queued", "running"]), name="one_training_at_a_time"
            ),
            models.UniqueConstraint(fields=["twin", "number"], name="one_training_a_number"),
        )

    @property
    def queue(self) -> str:  # type: ignore[override]
        return REMOTE if self.service else "train"

    @property
    def waits_for(self) -> tuple[str, ...]:  # type: ignore[override]
        """A twin that was trained and paid for elsewhere is kept there, and fetched again."""
        return (FULL,) if self.service else ()

    @classmethod
    def by_queue(cls) -> dict[str, Q]:
        return by_place({"train": Q()})

    @property
    def is_measured(self) -> bool:
        return self.likeness is not None and type(self).objects.measured().filter(id=self.id).exists()

    @property
    def is_avatar(self) -> bool:
        """Whether it shows a drawn avatar of the person on the photos, whose likeness is not measured."""
        drawn = self.base in BASES and not BASES[self.base].photorealistic
        old = drawn and self.status == Status.SUCCEEDED and self.likeness is None  # their facts were not kept
        return self.has_avatar or old

    def avatar_facts(self) -> dict[str, Any] | None:
        """The facts of the avatar that it is trained on; None where there is none, or none was kept."""
        if not self.has_avatar:
            return None
        try:
            return dict(json.loads(store(self.user_id).read(self.avatar_file)))
        except (FileNotFoundError, Tampered):
            return None

    @property
    def folder(self) -> str:
        return f"twins/{self.twin_id}/trainings/{self.id}"

    def on_end(self) -> None:
        files, folder, checkpoint = store(self.user_id), f"{self.folder}/", self.checkpoint_file
        if self.status == Status.SUCCEEDED:  # the newest version becomes the active one
            first = {"had_free_training": True} if self.free else {}
            Twin.objects.filter(id=self.twin_id).update(active_training=self, **first)
            transaction.on_commit(lambda: files.delete(checkpoint), robust=True)
        else:
            type(self).objects.filter(id=self.id).update(has_avatar=False, samples=0)
            transaction.on_commit(lambda: files.delete_all(folder), robust=True)
        super().on_end()
        if self.free and self.status != Status.SUCCEEDED:
            self._give_free_training_back()
        if self.renews and (self.status == Status.SUCCEEDED or self._was_given_up()):
            Twin.objects.filter(id=self.twin_id).update(renewed_for=self.base_version)

    def _give_free_training_back(self) -> None:
        """Only a success uses up the free training, and giving it up too often after it had begun."""
        if not limits.return_free_training(self.user_id, tried=self._was_given_up()):
            Twin.objects.filter(id=self.twin_id).update(had_free_training=True)

    def _was_given_up(self) -> bool:
        """Whether it had begun, and no fault of ours ended it."""
        ours = self.status == Status.FAILED and self.error_code not in TRIED
        return self.attempt > 0 and not ours

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        """None of a trained version without checksum: its weights are deleted, because the consent ended."""
        trained = Q(status=Status.SUCCEEDED) & ~Q(sha256="")
        for training in cls.objects.filter(trained | Q(status__in=OPEN), user=user_id):
            yield from (training.lora, *map(training.sample, range(max(training.samples, SAMPLES))))
            yield training.avatar_file
            if training.is_open:
                yield training.checkpoint_file

    @property
    def checkpoint_file(self) -> str:
        return f"{self.folder}/checkpoint.safetensors"

    @property
    def avatar_file(self) -> str:
        return f"{self.folder}/avatar.json"

    def show_samples(self, count: int) -> None:
        """So many samples are there, while it is trained. Does nothing in the hands of a late worker."""
        self._mine().filter(samples__lt=count).update(samples=count)

    def sample(self, number: int) -> str:
        return f"{self.folder}/samples/{number}.png"

    @property
    def lora(self) -> str:
        return f"{self.folder}/lora.safetensors"

    @property
    def download_name(self) -> str:
        """The name of the downloaded weights, in ASCII. Needs with_twin()."""
        return f"photoflux-{slugify(self.twin.name) or 'twin'}-v{self.number}.safetensors"
