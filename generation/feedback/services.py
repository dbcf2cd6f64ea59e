"""What owners say of their pictures: "this is not me", and ratings."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from gallery.models import Item
from gallery.ratings import services as ratings
from gallery.ratings.models import Rating
from twins.redo import services as redo
from twins.redo.models import Mark


class NotOfTwin(DomainError):
    code, status = "not_of_twin", 409
    message = _("This picture shows no twin that you still have, so there is nothing to compare it with.")


@transaction.atomic
def say(item: Item, *, not_me: bool | None = None, **rating: Any) -> None:
    """Marks the picture as "not me" or takes that back, and changes the fields in `rating`.

    Raises NotOfTwin, when nothing was changed.
    """
    if (not_me is not None or rating.get("likeness")) and item.twin is None:
        raise NotOfTwin
    if not_me:
        redo.mark(item.twin, training=item.training, item=item.id, made_at=item.created_at)
    elif not_me is False:
        redo.unmark(item.user, item.id)
    if rating:
        ratings.rate(item, **rating)


def said_of(item: Item) -> tuple[bool, Rating | None, redo.Offer | None]:
    """Whether it is marked "not me", its rating, and what the mark means for the twin."""
    marked = Mark.objects.owned_by(item.user_id).filter(item=item.id).exists()
    return marked, ratings.rating_of(item), redo.offer(item.twin) if item.twin else None
