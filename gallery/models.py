"""Items (pictures and clips) and the albums that hold them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models, transaction
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from config.querysets import OwnedQuerySet
from moderation.hashes.models import Hashed
from twins.models import Twin

UNSAFE = 0.5  # the detector's score from which a picture begins nothing and is shown to nobody else


def _words(function: str, *of: Any) -> Func:
    return Func(*of, function=function, output_field=models.TextField())


# What the search reads. Chinese is written without spaces, so besides words the index holds each Chinese
# character and each pair of adjacent ones. Migrations 0002 and 0003 create the SQL functions.
TAGS = _words("gallery_tags", F("tags"))
CHARACTERS = [_words("gallery_signs", words) for words in (F("prompt"), F("notes"), TAGS)]


class ItemQuerySet(OwnedQuerySet):
    def owned_by(self, user: Any) -> Self:
        """Without those in the locked area, which are seen through gallery.shelf.area alone, and those that
        moderation took out of sight."""
        return self.filter(user=user, locked=False, hidden=False)

    def remove(self) -> int:
        """Deletes the rows now and their files on commit. Returns the number of rows."""
        with transaction.atomic():
            rows = list(self.select_for_update(of=("self",)).values_list("id", "user_id"))
            Item.objects.filter(id__in=[ident for ident, _user in rows]).delete()
            transaction.on_commit(
                lambda: [store(user).delete_all(f"{Item(id=ident).folder}/") for ident, user in rows],
                robust=True,
            )
        return len(rows)


class Item(models.Model):
    """A picture or clip. It keeps a copy of its recipe, so its job, twin and style may be deleted."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("picture")
        VIDEO = "video", _("clip")
        RESTORED = "restored", _("restored picture")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.IMAGE)
    twin = models.ForeignKey(Twin, models.SET_NULL, null=True, related_name="items")
    training = models.UUIDField(null=True)
    demonstration = models.BooleanField(default=False, db_default=False)  # it shows the demonstration person
    job = models.UUIDField(null=True)
    index = models.PositiveSmallIntegerField(default=0)
    # The picture that this one was edited, repaired, enlarged or painted from.
    original = models.ForeignKey("self", models.SET_NULL, null=True, related_name="edits")
    prompt = models.TextField(blank=True)
    style = models.CharField(max_length=20, blank=True)
    recipe = models.JSONField(default=dict)  # all parameters, including the seed
    engine = models.CharField(max_length=80, blank=True)  # the engine that made it
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField()  # bytes of the full picture
    etag = models.CharField(max_length=64)  # SHA-256 of the unencrypted picture
    media_type = models.CharField(max_length=40, default="image/png")
    # How surely it shows its twin, 0..1; of a clip the median of its frames, and their 5th percentile.
    likeness = models.FloatField(null=True)
    likeness_low = models.FloatField(null=True)
    duration = models.FloatField(null=True)  # seconds of a clip
    safety = models.FloatField(default=0.0)
    mark = models.BigIntegerField(null=True)  # id in the invisible watermark
    hash = models.BigIntegerField(null=True)  # how it looks; see gallery.services.look_of
    apart = models.BooleanField(default=False, db_default=False)  # what looks alike is not the same
    # Its PDQ hashes of 32 bytes each, also in PictureHash. None: not made yet.
    prints = models.BinaryField(null=True, editable=False)
    # The same of the faces in it: see gallery.moderated. None: nobody has looked for faces yet.
    face_prints = models.BinaryField(null=True, editable=False)
    # How wide they are, as shares of its width, the widest first.
    face_widths = ArrayField(models.FloatField(), null=True, editable=False)
    favourite = models.BooleanField(default=False)
    # Left out of the gallery's list, and still in albums, in searches that ask for it and in archives.
    archived = models.BooleanField(default=False)
    locked = models.BooleanField(default=False)  # see gallery.shelf.area
    hidden = models.BooleanField(default=False, editable=False)  # by moderation; see gallery.moderated
    # The item on top of the stack that this one is in; see gallery.shelf.stacks.
    keeper = models.ForeignKey("self", models.SET_NULL, null=True, related_name="stacked")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    notes = models.TextField(blank=True, max_length=2000)
    place = models.CharField(max_length=80, blank=True)
    # Base64 of a tiny WebP, shown until the thumbnail loads.
    blur = models.CharField(max_length=600, blank=True)
    search = models.GeneratedField(
        expression=SearchVector("prompt", "notes", TAGS, *CHARACTERS, config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["job", "index"], condition=Q(job__isnull=False), name="one_item_an_output"
            ),
        )
        indexes = (
            # One index for each filter of the gallery. Each ends in the sort order of the pages, so the cost
            # of a page does not grow with the number of rows.
            models.Index(fields=["user", "-created_at", "-id"], name="items_of_a_user"),
            models.Index(fields=["user", "kind", "-created_at", "-id"], name="items_by_kind"),
            models.Index(fields=["created_at"], name="items_without_faces", condition=Q(face_widths=None)),
            models.Index(fields=["user", "twin", "-created_at", "-id"], name="items_by_twin"),
            models.Index(fields=["user", "style", "-created_at", "-id"], name="items_by_style"),
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="items_of_demonstration",
                condition=Q(demonstration=True),
            ),
            models.Index(
                fields=["user", "-created_at", "-id"], name="items_favourite", condition=Q(favourite=True)
            ),
            models.Index(
                fields=["user", "-created_at", "-id"], name="items_not_archived", condition=Q(archived=False)
            ),
            models.Index(
                fields=["user", "-created_at", "-id"], name="items_archived", condition=Q(archived=True)
            ),
            models.Index(
                fields=["user", "-created_at", "-id"], name="items_locked", condition=Q(locked=True)
            ),
            models.Index(fields=["user", "etag"], name="items_by_bytes"),
            # All that is read to find what looks alike: gallery.shelf.alike.
            models.Index(
                fields=["user", "hash"],
                condition=Q(archived=False, locked=False, keeper=None, hash__isnull=False),
                name="items_by_look",
            ),
            models.Index(fields=["id"], condition=Q(hash=None) & ~Q(kind="video"), name="items_without_look"),
            GinIndex(fields=["tags"], name="items_by_tag"),
            GinIndex(fields=["search"], name="items_by_words"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {str(self.id)[:8]}"

    @property
    def is_clip(self) -> bool:
        return self.kind == self.Kind.VIDEO

    @property
    def folder(self) -> str:
        return f"items/{self.id}"

    @classmethod
    def known_files(cls, user_id: uuid.UUID) -> Iterator[str]:
        for ident in cls.objects.filter(user=user_id).values_list("id", flat=True).iterator():
            item = cls(id=ident)
            yield from (item.content, item.thumbnail, item.drawing)

    @property
    def content(self) -> str:
        return f"{self.folder}/content"

    @property
    def thumbnail(self) -> str:
        return f"{self.folder}/thumbnail.webp"

    @property
    def drawing(self) -> str:
        """What a picture of an engine that draws is a drawing of, as JSON; other pictures have none."""
        return f"{self.folder}/drawing.json"


class PictureHash(Hashed):
    """A PDQ hash of an item's whole picture, of its middle, or of a face in it. See gallery.moderated."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="hashes")

    def __str__(self) -> str:
        return f"hash of {self.item_id}"


class Album(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums")
    name = models.CharField(max_length=80)
    items = models.ManyToManyField(Item, through="AlbumItem", related_name="albums")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.UniqueConstraint(fields=["user", "name"], name="one_album_a_name"),)

    def __str__(self) -> str:
        return self.name


class AlbumItem(models.Model):
    album = models.ForeignKey(Album, models.CASCADE)
    item = models.ForeignKey(Item, models.CASCADE)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["album", "item"], name="once_in_an_album"),)
        indexes = (models.Index(fields=["album", "-added_at"], name="last_in_an_album"),)

    def __str__(self) -> str:
        return f"{self.item_id} in {self.album_id}"
