"""Changes many items at once, and undoes the last change.

BulkEdit.before has, for what an edit changed and for nothing else:
  flags    {name of a boolean column: [its new value, [item, ...]]}
  tags     [[item, tags before, tags after], ...]
  added    [[album, item], ...]
  removed  [[album, item, since when it was there], ...]
An undo gives back only what still is as the edit left it: what was changed again since stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from gallery.models import Album, AlbumItem, Item
from gallery.services import check_tags
from gallery.shelf.models import UNDO, BulkEdit

MOST = 10_000
FLAGS = ("favourite", "archived")


class TooManyItems(DomainError):
    code = "too_many_items"
    message = _("At most %(most)s pictures can be changed at once. Choose fewer.")


class UndoExpired(DomainError):
    code, status = "undo_expired", 410
    message = _("This was changed more than 30 minutes ago and cannot be undone any more.")


@transaction.atomic
def edit_items(
    user: Any,
    chosen: Any,
    *,
    flags: dict[str, bool] | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    add_albums: Sequence[Any] = (),
    remove_albums: Sequence[Any] = (),
) -> BulkEdit | None:
    """Changes the user's `chosen` items. None when nothing changed: then the edit before stays the last.

    Raises TooManyItems, NotFound for an album, and Invalid for tags; then nothing is changed.
    """
    albums = {
        ident: Album.objects.owned_by(user).get_or_404(ident) for ident in [*add_albums, *remove_albums]
    }
    items = locked_rows(_with_stacks(user, chosen) if "archived" in (flags or {}) else chosen)
    before = {
        "flags": {name: [to, set_flag(items, name, to)] for name, to in (flags or {}).items()},
        "tags": retag(items, check_tags(add_tags), check_tags(remove_tags)),
        "added": [pair for ident in add_albums for pair in put(albums[ident], items)],
        "removed": [row for ident in remove_albums for row in _take(albums[ident], items)],
    }
    return keep(user, before)


def keep(user: Any, before: dict[str, Any]) -> BulkEdit | None:
    """Makes this the user's last edit. Needs a transaction."""
    touched = {str(ident) for ident in _touched(before)}
    if not touched:
        return None
    Item.objects.filter(id__in=touched).update(updated_at=timezone.now())
    BulkEdit.objects.owned_by(user).delete()
    return BulkEdit.objects.create(user=user, before=before, count=len(touched))


def _with_stacks(user: Any, chosen: Any) -> Any:
    """Also what is below the chosen items in their stacks."""
    idents = list(chosen.values_list("id", flat=True)[: MOST + 1])
    return Item.objects.owned_by(user).filter(Q(id__in=idents) | Q(keeper__in=idents))


def locked_rows(chosen: Any) -> list[Item]:
    """Locks the rows in the order of their ids, so that two edits at once never wait for each other."""
    rows = chosen.select_for_update(of=("self",)).order_by("id").only("id", "tags", *FLAGS)
    items = list(rows[: MOST + 1])
    if len(items) > MOST:
        raise TooManyItems(most=MOST)
    return items


def _touched(before: dict[str, Any]) -> Iterable[Any]:
    for _to, idents in before.get("flags", {}).values():
        yield from idents
    yield from (row[0] for row in before.get("tags", ()))
    yield from (row[1] for name in ("added", "removed") for row in before.get(name, ()))


def set_flag(items: list[Item], name: str, to: bool) -> list[str]:
    changed = [str(item.id) for item in items if getattr(item, name) != to]
    Item.objects.filter(id__in=changed).update(**{name: to})
    return changed


def retag(items: list[Item], add: list[str], remove: list[str]) -> list[list[Any]]:
    changed = []
    for item in items:
        before = item.tags
        item.tags = check_tags({*before, *add} - set(remove))
        if set(item.tags) != set(before):
            changed.append((item, before))
    Item.objects.bulk_update([item for item, _before in changed], ["tags"], batch_size=1000)
    return [[str(item.id), before, item.tags] for item, before in changed]


def put(album: Album, items: list[Item]) -> list[list[str]]:
    there = set(AlbumItem.objects.filter(album=album, item__in=items).values_list("item", flat=True))
    new = [AlbumItem(album=album, item=item) for item in items if item.id not in there]
    AlbumItem.objects.bulk_create(new, ignore_conflicts=True, batch_size=5000)
    return [[str(album.id), str(row.item_id)] for row in new]


def _take(album: Album, items: list[Item]) -> list[list[str]]:
    rows = AlbumItem.objects.filter(album=album, item__in=items)
    taken = [[str(album.id), str(item), at.isoformat()] for item, at in rows.values_list("item", "added_at")]
    rows.delete()
    return taken


@transaction.atomic
def undo(edit: BulkEdit) -> int:
    """Returns how many items have their previous values again; 0 the second time. Raises UndoExpired."""
    edit = BulkEdit.objects.select_for_update().get_or_404(edit.id)
    if edit.undone_at:
        return 0
    if not BulkEdit.objects.open().filter(id=edit.id).exists():
        raise UndoExpired
    list(_own(edit, {str(i) for i in _touched(edit.before)}).select_for_update().order_by("id").only("id"))
    back = [*_unflag(edit), *_untag(edit), *_unput(edit), *_untake(edit)]
    Item.objects.filter(id__in=back).update(updated_at=timezone.now())
    edit.undone_at, edit.before = timezone.now(), {}
    edit.save(update_fields=["undone_at", "before"])
    return len(set(back))


def _own(edit: BulkEdit, idents: Iterable[str]) -> Any:
    return Item.objects.filter(user=edit.user_id, id__in=list(idents))


def _unflag(edit: BulkEdit) -> list[str]:
    back: list[str] = []
    for name, (to, idents) in edit.before.get("flags", {}).items():
        rows = _own(edit, idents).filter(**{name: to})
        same = [str(ident) for ident in rows.values_list("id", flat=True)]
        Item.objects.filter(id__in=same).update(**{name: not to})
        back += same
    return back


def _untag(edit: BulkEdit) -> list[str]:
    changes = {ident: (before, after) for ident, before, after in edit.before.get("tags", ())}
    items = [item for item in _own(edit, changes).only("id", "tags") if item.tags == changes[str(item.id)][1]]
    for item in items:
        item.tags = changes[str(item.id)][0]
    Item.objects.bulk_update(items, ["tags"], batch_size=1000)
    return [str(item.id) for item in items]


def _unput(edit: BulkEdit) -> list[str]:
    back: list[str] = []
    for album, idents in _by_album(edit.before.get("added", ())).items():
        gone = AlbumItem.objects.filter(album=album, album__user=edit.user_id, item__in=idents)
        back += [str(ident) for ident in gone.values_list("item", flat=True)]
        gone.delete()
    return back


def _untake(edit: BulkEdit) -> list[str]:
    """Puts items back into the albums that still exist, at their places."""
    rows = edit.before.get("removed", ())
    albums = {str(i) for i in Album.objects.filter(user=edit.user_id).values_list("id", flat=True)}
    items = {str(i) for i in _own(edit, [row[1] for row in rows]).values_list("id", flat=True)}
    there = [row for row in rows if row[0] in albums and row[1] in items]
    new = [AlbumItem(album_id=album, item_id=item, added_at=at) for album, item, at in there]
    AlbumItem.objects.bulk_create(new, ignore_conflicts=True, batch_size=5000)
    return [row[1] for row in there]


def _by_album(rows: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for album, item in rows:
        found.setdefault(album, []).append(item)
    return found


def last_edit(user: Any) -> BulkEdit | None:
    """The edit that the user can undo now."""
    return BulkEdit.objects.owned_by(user).open().defer("before").first()


def tidy() -> int:
    """Deletes edits that cannot be undone any more. Returns their number."""
    return BulkEdit.objects.filter(made_at__lt=timezone.now() - UNDO).delete()[0]
