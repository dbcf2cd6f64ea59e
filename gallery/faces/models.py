"""Faces in a user's own pictures, their vectors, and the people that the user names.

A face stays when the embedder changes: only its vectors are made anew. So names and ids last.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Cast, Lower
from django.utils import timezone
from pgvector.django import HalfVectorField, HnswIndex

from accounts.vault.vault import store
from config.querysets import OwnedQuerySet
from config.runs.models import Run
from config.runs.states import OPEN
from gallery.models import Item
from ml.nets.scales import DRAWN, FACENET, REAL
from twins.models import Photo

MARGIN = 1.5  # side of the square around a face on pages, in widths or heights of its box
PHOTO = "photo"  # the kind of an uploaded photo, beside those of items
# The width of each embedder that has an index. A vector of another embedder is found too, by comparing the
# user's vectors one by one; a net for large galleries gets a row here and a migration.
WIDTHS = {DRAWN: 128, REAL: 128, FACENET: 512}


class Person(models.Model):
    """Somebody whom the user named. One without faces is hidden: it was merged into another one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="people")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint("user", Lower("name"), name="one_person_a_name"),)

    def __str__(self) -> str:
        return self.name


class OfPicture(models.Model):
    """A row about one picture of the user: an item, or an accepted photo."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    item = models.ForeignKey(Item, models.CASCADE, null=True, related_name="%(class)ss")
    photo = models.ForeignKey(Photo, models.CASCADE, null=True, related_name="%(class)ss")

    class Meta:
        abstract = True
        constraints = (
            models.CheckConstraint(condition=Q(item=None) ^ Q(photo=None), name="%(class)s_of_one_picture"),
        )


class FaceQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        """With what its owner sees of it: the picture and the name."""
        return self.select_related("item", "photo", "person")


class Face(OfPicture):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveSmallIntegerField()  # in its picture, 0 the widest
    # Shares of the picture's width and height, so that they suit every rendition.
    box = ArrayField(models.FloatField(), size=4)
    points = ArrayField(models.FloatField(), size=10)  # x y of the eyes, the nose, the corners of the mouth
    score = models.FloatField()  # the detector's
    quality = models.FloatField()  # ml.measures.quality_of; 0: it has no vector, as none is to be trusted
    kind = models.CharField(max_length=10)  # of the picture: PHOTO, or the item's
    made_at = models.DateTimeField()  # when the picture was made or uploaded
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="faces")

    objects = FaceQuerySet.as_manager()

    class Meta:
        ordering = ("-made_at", "id")
        constraints = (
            *OfPicture.Meta.constraints,
            models.UniqueConstraint(fields=["item", "number"], name="one_face_a_number"),
            models.UniqueConstraint(fields=["photo", "number"], name="one_face_a_number_of_a_photo"),
        )
        indexes = (models.Index(fields=["person", "-made_at", "id"], name="faces_of_a_person"),)

    def __str__(self) -> str:
        return f"face {self.number} of {self.picture_id}"

    @property
    def picture_id(self) -> Any:
        return self.item_id or self.photo_id

    @property
    def picture(self) -> Item | Photo:
        found = self.item or self.photo
        assert found
        return found

    @property
    def thumbnail(self) -> str:
        """The address of the picture's thumbnail."""
        if self.item_id:
            return f"/api/v1/items/{self.item_id}/thumbnail"
        assert self.photo
        return f"/api/v1/twins/{self.photo.twin_id}/photos/{self.photo_id}/thumbnail"

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.picture.width or 1, self.picture.height or 1

    @property
    def square(self) -> tuple[int, int, int]:
        """x, y and the side of the square around the face, in pixels of the picture."""
        x1, y1, x2, y2 = self.box_in_pixels
        side = round(MARGIN * max(x2 - x1, y2 - y1, 1))
        return (x1 + x2 - side) // 2, (y1 + y2 - side) // 2, side

    @property
    def shown(self) -> tuple[int, int, int, int]:
        """x, y, width and height of what the picture has of this square."""
        x, y, side = self.square
        left, top = max(x, 0), max(y, 0)
        right, bottom = (min(at + side, most) for at, most in zip((x, y), self.sides))
        return left, top, max(right - left, 1), max(bottom - top, 1)

    @property
    def rect(self) -> tuple[int, ...]:
        """x, y, width, height and the radius of the corners, for an SVG."""
        x1, y1, x2, y2 = self.box_in_pixels
        return x1, y1, x2 - x1, y2 - y1, (x2 - x1) // 8

    @property
    def box_in_pixels(self) -> list[int]:
        """x1 y1 x2 y2 in the upright picture."""
        return [round(share * side) for share, side in zip(self.box, self.sides * 2)]


def _near(embedder: str, width: int) -> HnswIndex:
    """HNSW among the vectors of one embedder, which all have this width."""
    cast = OpClass(Cast("embedding", HalfVectorField(dimensions=width)), name="halfvec_l2_ops")
    return HnswIndex(
        cast,
        name=f"near_{embedder.replace('-', '_')}",
        condition=Q(embedder=embedder),
        m=16,
        ef_construction=64,
    )


class FaceVector(models.Model):
    """A face's vector by one embedder. A face has two while another embedder replaces the one in use."""

    face = models.ForeignKey(Face, models.CASCADE, related_name="vectors")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    embedder = models.CharField(max_length=40)
    # Of any length. 16 bits a number: distances change by less than 0.001, and memory halves.
    embedding = HalfVectorField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["face", "embedder"], name="one_vector_an_embedder"),)
        indexes = (
            models.Index(fields=["user", "embedder"], name="vectors_of_a_user"),
            *(_near(embedder, width) for embedder, width in WIDTHS.items()),
        )

    def __str__(self) -> str:
        return f"{self.embedder} of {self.face_id}"


class Measured(OfPicture):
    """A picture whose faces were looked for, by which embedders."""

    embedders = models.CharField(max_length=120)

    class Meta:
        constraints = (
            *OfPicture.Meta.constraints,
            models.UniqueConstraint(fields=["item"], name="measured_once"),
            models.UniqueConstraint(fields=["photo"], name="measured_once_of_a_photo"),
        )

    def __str__(self) -> str:
        return f"{self.item_id or self.photo_id} by {self.embedders}"


class FaceIndex(models.Model):
    """Which embedders answer a user's searches, and up to when pictures were looked for."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    embedders = models.CharField(max_length=120, blank=True)
    checked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"index of {self.user_id}"


class Naming(models.Model):
    """A change of who faces are, kept for a while so that it can be undone."""

    class Kind(models.TextChoices):
        NAMED = "named"
        MERGED = "merged"
        REMOVED = "removed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    person = models.ForeignKey(Person, models.CASCADE, related_name="namings")  # whom it is about
    source = models.ForeignKey(Person, models.CASCADE, null=True, related_name="mergings")  # who was merged
    moved = models.JSONField()  # id of each face -> id of the person whom it was before, or None
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.kind} {self.person_id}"


class Indexing(Run):
    """Measures a user's pictures, some at a time. At most one is open for a user."""

    task, queue, kind_name = "gallery.index_faces", "cpu", "faces"

    class Meta(Run.Meta):
        constraints = (
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["user"], condition=Q(status__in=OPEN), name="one_open_indexing"),
        )


class FaceQuery(Run):
    """A picture that is searched with. Row and picture are deleted with the answer."""

    task, queue, kind_name = "gallery.measure_query", "cpu", "face_query"

    vectors = models.JSONField(default=dict)  # by embedder
    code = models.CharField(max_length=20, blank=True)  # why there are none

    @property
    def file(self) -> str:
        return f"quarantine/face-{self.id}"

    def on_end(self) -> None:
        super().on_end()
        files, name = store(self.user_id), self.file
        transaction.on_commit(lambda: files.delete(name), robust=True)

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for query in cls.objects.filter(user=user_id).open().iterator():
            yield query.file
