"""A user's own pictures in which faces are looked for: items, and accepted photos of their own twins.

Photos of somebody else's twin are left out: that person agreed to the twin, not to the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from gallery.faces.models import PHOTO, Face, Measured
from gallery.models import Item
from twins.models import Photo

Picture = Item | Photo
LATE = timedelta(hours=1)  # a row may be committed this much later than its time says


def items(user: Any) -> QuerySet[Item]:
    return Item.objects.owned_by(user).filter(media_type__startswith="image/")


def photos(user: Any) -> QuerySet[Photo]:
    return Photo.objects.owned_by(user).accepted().filter(twin__of_other=False)


def has_any(user: Any) -> bool:
    return items(user).exists() or photos(user).exists()


def still_there(picture: Picture) -> QuerySet[Any]:
    """The picture's row, where faces may still be looked for in it."""
    rows: QuerySet[Any] = photos(picture.user_id) if isinstance(picture, Photo) else items(picture.user_id)
    return rows.filter(pk=picture.pk)


def unmeasured(
    user: Any, embedders: Sequence[str], *, most: int, since: datetime | None = None
) -> list[Picture]:
    """The newest pictures in which faces were not looked for by all of these embedders. `since` is when none
    was left: only what came later is read then."""
    found: list[Picture] = []
    for rows, name, time in ((items(user), "item", "created_at"), (photos(user), "photo", "finished_at")):
        done = Measured.objects.filter(**{name: OuterRef("pk")}, embedders=key_of(embedders))
        late = Q(**{f"{time}__gte": since - LATE}) if since else Q()
        found += rows.filter(late, ~Exists(done)).order_by("-created_at", "-id")[: most - len(found)]
    return found


def widths_in(item: Item) -> list[float] | None:
    """Of the faces in it, as shares of its width, the widest first: as the search for faces measured them,
    else as its thumbnail shows them; None where nobody has looked yet."""
    if not Measured.objects.filter(item=item).exists():
        return item.face_widths
    boxes = Face.objects.filter(item=item).values_list("box", flat=True)
    return sorted((box[2] - box[0] for box in boxes), reverse=True)


def key_of(embedders: Sequence[str]) -> str:
    return " ".join(sorted(embedders))


def link(picture: Picture) -> dict[str, Any]:
    """The columns by which a row of OfPicture belongs to this picture."""
    return {"user_id": picture.user_id, "photo" if isinstance(picture, Photo) else "item": picture}


def kind_of(picture: Picture) -> str:
    return PHOTO if isinstance(picture, Photo) else str(picture.kind)


def file_of(picture: Picture) -> str:
    """The name of its full size in the vault."""
    return picture.clean if isinstance(picture, Photo) else picture.content


def faces_of(picture: Picture) -> Any:
    """The faces in this picture, the widest first."""
    return Face.objects.filter(**link(picture)).order_by("number")
