"""Share links to one's own pictures, and what is in the public gallery."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet
from gallery.models import UNSAFE, Album, Item
from moderation.cases.models import Case

OWNER = settings.AUTH_USER_MODEL


# ---------------------------------------------------------------- links


def shareable(user: Any) -> Any:
    """The items that links of this user may show now: in their owner's sight, safe, and
    none that a person of staff must look at first."""
    waits = Case.objects.all().of_items_to_review().filter(subject_id=Cast(OuterRef("pk"), TextField()))
    return Item.objects.owned_by(user).filter(~Exists(waits), safety__lt=UNSAFE)


class ShareLinkQuerySet(OwnedQuerySet):
    def open(self) -> Self:
        """Those that open now."""
        valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(valid, hidden_at=None, user__is_active=True)


class ShareLink(models.Model):
    """A link that shows pictures to whoever has it: chosen ones, or whatever is in an album at the time.

    Ending a link deletes the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(OWNER, models.CASCADE, related_name="share_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    album = models.ForeignKey(Album, models.CASCADE, null=True, related_name="share_links")
    password_hash = models.CharField(max_length=200, blank=True, editable=False)
    download = models.BooleanField(default=False)  # of the full files
    views = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True)  # None: never
    hidden_at = models.DateTimeField(null=True, editable=False)  # by moderation

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["user", "-created_at", "-id"], name="share_links_of_a_user"),)

    def __str__(self) -> str:
        return f"share link {str(self.id)[:8]}"

    @property
    def is_over(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def entries(self) -> tuple[Any, tuple[str, ...]]:
        """(rows with the pictures that are shown now, their order). A row's id is the picture's number in the
        link's addresses."""
        seen = {"item__in": shareable(self.user_id)}
        if self.album_id:
            rows: Any = Album.items.through.objects.filter(album=self.album_id, **seen)
            return rows.select_related("item"), ("-added_at", "-id")
        return self.chosen.filter(**seen).select_related("item"), ("id",)


class ShareItem(models.Model):
    """A chosen picture of a link, in the order of the ids."""

    share = models.ForeignKey(ShareLink, models.CASCADE, related_name="chosen")
    item = models.ForeignKey(Item, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["share", "item"], name="once_in_a_share"),)

    def __str__(self) -> str:
        return f"{self.item_id} in {self.share_id}"


# ---------------------------------------------------------------- the public gallery


class Author(models.Model):
    """The name that a user chose for the public gallery. Its id is not the user's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(OWNER, models.CASCADE, related_name="author")
    name = models.CharField(max_length=40)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("name"), name="one_author_a_name"),)

    def __str__(self) -> str:
        return self.name


class PublicationQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        return self.filter(status=Publication.Status.PUBLISHED)


class Publication(models.Model):
    """A picture in the public gallery, or on its way there. While it is shown, the public storage holds a
    copy (copies.py). Withdrawing deletes the row, with its likes and comments."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", _("waits for approval")
        PUBLISHED = "published", _("published")
        REFUSED = "refused", _("refused")
        HIDDEN = "hidden", _("hidden")  # by moderation

    id = models.UUIDField(primary_key=True, editable=False)  # the item's own: one id names the picture
    item = models.OneToOneField(Item, models.CASCADE, related_name="publication")
    user = models.ForeignKey(OWNER, models.CASCADE, related_name="publications")
    author = models.ForeignKey(Author, models.CASCADE, related_name="publications")
    caption = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SUBMITTED)
    refusal = models.CharField(max_length=200, blank=True)  # why, for the author
    likes = models.PositiveIntegerField(default=0)
    submitted_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    width = models.PositiveIntegerField(default=0)  # of the copy
    height = models.PositiveIntegerField(default=0)
    blur = models.CharField(max_length=600, blank=True)

    objects = PublicationQuerySet.as_manager()

    class Meta:
        ordering = ("submitted_at", "id")
        permissions = (
            ("look_publication", "Can look at a submitted picture, with a reason"),
            ("approve_publication", "Can approve or refuse a submitted picture"),
        )
        indexes = (
            models.Index(fields=["-published_at", "-id"], name="published", condition=Q(status="published")),
            models.Index(
                fields=["author", "-published_at", "-id"],
                name="published_by_author",
                condition=Q(status="published"),
            ),
            models.Index(fields=["status", "submitted_at"], name="publications_waiting"),
        )

    def __str__(self) -> str:
        return f"publication {str(self.id)[:8]}"


class Like(models.Model):
    publication = models.ForeignKey(Publication, models.CASCADE, related_name="liked_by")
    user = models.ForeignKey(OWNER, models.CASCADE, related_name="likes")
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["publication", "user"], name="liked_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.publication_id}"


class CommentQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        return self.filter(hidden_at=None)


class Comment(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    publication = models.ForeignKey(Publication, models.CASCADE, related_name="comments")
    user = models.ForeignKey(OWNER, models.CASCADE, related_name="comments")
    author = models.ForeignKey(Author, models.CASCADE, related_name="comments")
    text = models.TextField(max_length=1000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    hidden_at = models.DateTimeField(null=True, editable=False)  # by moderation

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["publication", "-created_at", "-id"], name="comments_of_a_publication"),
        )

    def __str__(self) -> str:
        return f"comment {str(self.id)[:8]}"
