"""Restorations: a picture that its owner sent, how its faces shall be restored, and what came out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.vault.vault import store
from config.querysets import OwnedQuerySet
from gallery.models import Item
from generation.models import Job
from twins.models import Twin


class RestorationQuerySet(OwnedQuerySet):
    def owned_by(self, user: Any) -> Self:
        """Without those whose result is in the locked area, or was taken down."""
        return self.filter(user=user).exclude(item__locked=True).exclude(item__hidden=True)

    def for_clients(self) -> Self:
        """Loads what show_restoration reads."""
        return self.select_related("job", "item", "user")

    def named(self, ident: Any) -> Self:
        """The restoration with this id, or the one of this job."""
        return self.filter(Q(id=ident) | Q(job=ident))

    def remove(self) -> int:
        """Deletes the rows and their results now, and the files on commit. Returns the number of rows."""
        with transaction.atomic():
            rows = list(self.select_for_update(of=("self",)).select_related("job"))
            for row in rows:
                row.job.stop()
            Item.objects.filter(id__in=[row.item_id for row in rows if row.item_id]).remove()
            # The same request sent again makes a new one.
            Job.objects.filter(id__in=[row.job_id for row in rows]).update(idempotency_key=None)
            Restoration.objects.filter(id__in=[row.id for row in rows]).delete()
            transaction.on_commit(
                lambda: [store(row.user_id).delete_all(f"{row.folder}/") for row in rows], robust=True
            )
        return len(rows)


class Restoration(models.Model):
    """`fidelity`, `scale`: as asked for. What the result has is in the fields from `engine` on; `faces` is a
    list of ml.types.RestoredFace as dictionaries."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="restorations")
    job = models.OneToOneField(Job, models.CASCADE, related_name="restoration")
    twin = models.ForeignKey(Twin, models.SET_NULL, null=True, related_name="+")
    fidelity = models.FloatField(null=True)  # None: chosen by the worker
    scale = models.PositiveSmallIntegerField(default=1)
    background = models.BooleanField(default=False)
    milder_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="milder_ones")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    item = models.OneToOneField(Item, models.SET_NULL, null=True, related_name="restoration")
    engine = models.CharField(max_length=40, blank=True)  # the restorer
    made_scale = models.PositiveSmallIntegerField(null=True)
    made_fidelity = models.FloatField(null=True)
    before = models.FloatField(null=True)  # quality of the faces, 0..1
    after = models.FloatField(null=True)
    identity = models.FloatField(null=True)  # least probability that a face still shows its person
    flagged = models.BooleanField(default=False)  # it is below the floor
    faces = models.JSONField(default=list)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    notes = models.TextField(blank=True, max_length=2000)
    rating = models.PositiveSmallIntegerField(
        null=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RestorationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["user", "-created_at", "-id"], name="restorations_of_a_user"),)
        constraints = (
            models.UniqueConstraint(
                fields=["milder_of"], condition=Q(milder_of__isnull=False), name="one_milder_one"
            ),
        )

    def __str__(self) -> str:
        return f"restoration {str(self.id)[:8]}"

    @property
    def folder(self) -> str:
        return f"restorations/{self.id}"

    @property
    def original(self) -> str:
        return f"{self.folder}/original.jpg"

    @property
    def thumbnail(self) -> str:
        return f"{self.folder}/thumbnail.webp"

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for row in cls.objects.filter(user=user_id).only("id").iterator():
            yield from (row.original, row.thumbnail)
