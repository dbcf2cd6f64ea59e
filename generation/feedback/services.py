"""Marks pictures as not showing their twin's person."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from gallery.models import Item
from twins.redo import services as redo


class NotOfTwin(DomainError):
    code, status = "not_of_twin", 409
    message = _("This picture shows no twin that you still have, so there is nothing to compare it with.")


def say(item: Item, *, not_me: bool) -> redo.Offer:
    """Marks a picture as "not me", or takes the mark back. Returns what that means for the twin.

    Raises NotOfTwin.
    """
    if item.twin is None:
        raise NotOfTwin
    if not_me:
        redo.mark(item.twin, training=item.training, item=item.id, made_at=item.created_at)
    else:
        redo.unmark(item.user, item.id)
    return redo.offer(item.twin)
