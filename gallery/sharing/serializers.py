"""Share links, publications and comments as clients see them, and the forms that they send."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from config.errors import DomainError, Invalid
from config.web.problems import flattened, sentence_of
from config.web.text import NameField, PasswordField, TextField
from gallery.sharing import links, talk
from gallery.sharing.models import Comment, Publication, ShareLink


def sentence_about(error: DomainError | ValidationError) -> str:
    """What a page says of a refusal or of an invalid form, beside what was typed."""
    refused = error if isinstance(error, DomainError) else Invalid(errors=flattened(error.detail))
    return sentence_of(refused)


class ShareForm(serializers.Serializer):  # type: ignore[type-arg]
    expires = serializers.ChoiceField(choices=list(links.EXPIRIES), default="7d")
    password = PasswordField(
        required=False, min_length=6, help_text="asked for on the page and for each file"
    )
    download = serializers.BooleanField(default=False, help_text="of the full files")


class SharesForm(ShareForm):
    """Either `ids` or an `album`, which shows whatever is in it at the time."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    album = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("ids")) == bool(attrs.get("album")):
            raise Invalid(errors={"ids": [str(_("Send either ids or an album."))]})
        return attrs


class ShareSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    url = serializers.URLField(allow_null=True, help_text="null when the server's secret key was replaced")
    album = serializers.UUIDField(allow_null=True)
    count = serializers.IntegerField(help_text="of the pictures that it shows now")
    has_password = serializers.BooleanField()
    download = serializers.BooleanField()
    views = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


def make_share(user: Any, form: dict[str, Any]) -> ShareLink:
    """A link as a valid SharesForm asks for it."""
    options = {name: form[name] for name in ("expires", "password", "download") if name in form}
    if form.get("album"):
        return links.share_album(user, form["album"], **options)
    return links.share_items(user, form["ids"], **options)


def show_share(link: ShareLink, count: int) -> dict[str, Any]:
    return {
        "id": link.id,
        "url": links.url_of(link),
        "album": link.album_id,
        "count": count,
        "has_password": bool(link.password_hash),
        "download": link.download,
        "views": link.views,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
    }


# ---------------------------------------------------------------- the public gallery


class AuthorSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()


class PublishForm(serializers.Serializer):  # type: ignore[type-arg]
    author = NameField(
        max_length=40, required=False, help_text="your public name; needed once, and changed by sending it"
    )
    caption = NameField(max_length=120, required=False, allow_blank=True)


class PublicationSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField(help_text="the item's")
    status = serializers.ChoiceField(choices=Publication.Status.choices)
    refusal = serializers.CharField(help_text="why it was refused, else empty")
    caption = serializers.CharField()
    author = AuthorSerializer()
    submitted_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)


class PublicItemSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    caption = serializers.CharField()
    author = AuthorSerializer()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    likes = serializers.IntegerField()
    liked = serializers.BooleanField(help_text="by you")
    published_at = serializers.DateTimeField()
    page = serializers.URLField()
    picture = serializers.URLField(help_text="a signed JPEG, at most 1600 pixels a side")
    thumbnail = serializers.URLField()


class LikesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    likes = serializers.IntegerField()


class CommentForm(serializers.Serializer):  # type: ignore[type-arg]
    text = TextField(max_length=1000)
    author = NameField(max_length=40, required=False, help_text="your public name; needed once")


class CommentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    text = serializers.CharField(help_text="plain text: nothing in it is HTML")
    author = AuthorSerializer()
    created_at = serializers.DateTimeField()


def show_publication(row: Publication) -> dict[str, Any]:
    return dict(PublicationSerializer(row).data)


def show_comment(comment: Comment) -> dict[str, Any]:
    return dict(CommentSerializer(comment).data)


def show_public(row: Publication) -> dict[str, Any]:
    """`row.liked` is set by with_likes."""
    here = f"{settings.ORIGIN}/explore/{row.id}/"
    return {
        "id": row.id,
        "caption": row.caption,
        "author": {"id": row.author_id, "name": row.author.name},
        "width": row.width,
        "height": row.height,
        "likes": row.likes,
        "liked": row.liked,  # type: ignore[attr-defined]
        "published_at": row.published_at,
        "page": here,
        "picture": f"{here}picture",
        "thumbnail": f"{here}thumbnail",
    }


def with_likes(user: Any, rows: list[Publication]) -> list[Publication]:
    """Sets `liked` of each: whether the user likes it."""
    liked = talk.liked(user, rows)
    for row in rows:
        row.liked = row.id in liked  # type: ignore[attr-defined]
    return rows
