"""Stacks: pictures that belong together, of which one, the keeper, is on top.

The others point to it (Item.keeper), and it points to none, so no stack is inside another one. A stack is in
the archive as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, NotFound
from gallery.models import Item

MOST = 1000


class StackTooSmall(DomainError):
    code, message = "stack_too_small", _("Choose at least two pictures to stack.")


class StackTooLarge(DomainError):
    code, message = "stack_too_large", _("A stack holds at most %(most)s pictures.")


@transaction.atomic
def stack(user: Any, idents: Sequence[Any], *, keeper: Any = None) -> Item:
    """Stacks these items of the user, together with the stacks that they are in, and returns the keeper.

    Without `keeper` the first of `idents` is on top. Raises StackTooSmall, StackTooLarge, and NotFound for a
    keeper that is not among them.
    """
    members = _whole(user, list(idents))
    if len(members) < 2:
        raise StackTooSmall
    if len(members) > MOST:
        raise StackTooLarge(most=MOST)
    return _put_on_top(members, keeper or next(ident for ident in idents if _named(members, ident)))


def _whole(user: Any, idents: list[Any]) -> list[Item]:
    """The user's items among these and all of their stacks, locked."""
    own = Item.objects.owned_by(user)
    tops = {keeper or ident for ident, keeper in own.filter(id__in=idents).values_list("id", "keeper")}
    rows = own.filter(Q(id__in=tops) | Q(keeper__in=tops)).select_for_update(of=("self",)).order_by("id")
    return list(rows[: MOST + 1])


def _named(members: list[Item], ident: Any) -> Item | None:
    return next((item for item in members if str(item.id) == str(ident)), None)


def _put_on_top(members: list[Item], ident: Any) -> Item:
    top = _named(members, ident)
    if top is None:
        raise NotFound
    now = timezone.now()
    Item.objects.filter(id=top.id).update(keeper=None, updated_at=now)
    below = Item.objects.filter(id__in=[item.id for item in members if item is not top])
    below.update(keeper=top, archived=top.archived, updated_at=now)
    top.keeper = None
    return top


@transaction.atomic
def keep(item: Item) -> Item:
    """Puts this item on top of its stack. One that is there already, or in no stack, stays as it is."""
    return _put_on_top(_whole(item.user, [item.id]), item.id) if item.keeper_id else item


@transaction.atomic
def dissolve(item: Item) -> int:
    """Takes the item's whole stack apart. Returns the number of its items, 0 if there was no stack."""
    members = _whole(item.user, [item.id])
    if len(members) < 2:
        return 0
    Item.objects.filter(id__in=[each.id for each in members]).update(keeper=None, updated_at=timezone.now())
    return len(members)


@transaction.atomic
def take_out(item: Item) -> int:
    """Takes this item out of its stack. If it was on top, the newest is then. Returns how many are left."""
    members = _whole(item.user, [item.id])
    rest = [each for each in members if each.id != item.id]
    if not rest:
        return 0
    Item.objects.filter(id=item.id).update(keeper=None, updated_at=timezone.now())
    top = next((each for each in rest if each.keeper_id is None), None)
    _put_on_top(rest, (top or max(rest, key=lambda each: (each.created_at, each.id))).id)
    return len(rest)


def join(item: Item, original: Item) -> None:
    """Puts an edit into the stack of its original, and on top where the original was.

    Nothing happens if the original was deleted or locked meanwhile, or if its stack is full.
    """
    above = Item.objects.filter(id=original.id).values_list("keeper", flat=True).first()
    top = above or original.id
    with suppress(StackTooSmall, StackTooLarge, NotFound):
        stack(item.user, [item.id, original.id], keeper=item.id if top == original.id else top)
        item.refresh_from_db(fields=["keeper"])


def members_of(item: Item) -> list[Item]:
    """The items of its stack, the keeper first, then the newest. The item alone, if it is in no stack."""
    top = item.keeper_id or item.id
    rows = Item.objects.owned_by(item.user).filter(Q(id=top) | Q(keeper=top))
    return sorted(rows.order_by("-created_at", "-id")[:MOST], key=lambda each: each.id != top)


def below(user: Any, items: Sequence[Item]) -> dict[Any, int]:
    """The number of pictures below each of these keepers; those without any are left out."""
    rows = Item.objects.owned_by(user).filter(keeper__in=items).values_list("keeper")
    return dict(rows.annotate(n=Count("id")).order_by())
