"""Likes and comments in the public gallery."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.emails import require_confirmed
from accounts.standing import services as standing
from config.errors import NotFound
from gallery.sharing.authors import author_of
from gallery.sharing.models import Comment, Like, Publication
from moderation.policy import check_words


@transaction.atomic
def like(user: Any, row: Publication) -> int:
    """Returns the number of likes, in which each person counts once. Raises Suspended, EmailUnconfirmed."""
    standing.require(user.pk)
    require_confirmed(user)
    _like, new = Like.objects.get_or_create(publication=row, user=user)
    return _count(row, 1 if new else 0)


@transaction.atomic
def unlike(user: Any, row: Publication) -> int:
    gone, _each = Like.objects.filter(publication=row, user=user).delete()
    return _count(row, -gone)


def _count(row: Publication, more: int) -> int:
    Publication.objects.filter(id=row.id).update(likes=F("likes") + more)
    row.refresh_from_db(fields=["likes"])
    return row.likes


def forget_likes(user: Any) -> None:
    """Takes the likes of an account that is erased off the numbers."""
    liked = Like.objects.filter(user=user).values("publication")
    Publication.objects.filter(id__in=liked).update(likes=F("likes") - 1)


def liked(user: Any, rows: list[Publication]) -> set[Any]:
    """The ids of those that the user likes."""
    if not user.is_authenticated:
        return set()
    return set(Like.objects.filter(user=user, publication__in=rows).values_list("publication", flat=True))


def comment(user: Any, row: Publication, *, text: str, author: str = "") -> Comment:
    """Raises Suspended, EmailUnconfirmed, WordsRefused, and Invalid for the public name."""
    standing.require(user.pk)
    require_confirmed(user)
    check_words(user, text)
    own = author_of(user, author)
    return Comment.objects.create(publication=row, user=user, author=own, text=text.strip())


def delete_comment(user: Any, ident: Any) -> Publication:
    """By who wrote it, or by who published the picture. Raises NotFound."""
    found: Comment = Comment.objects.select_related("publication").get_or_404(ident)
    if user.pk not in (found.user_id, found.publication.user_id):
        raise NotFound
    found.delete()
    return found.publication
