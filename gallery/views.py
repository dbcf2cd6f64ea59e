"""Pages of the gallery: pictures grouped by day, and one picture with its recipe."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Max, Min, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_GET, require_POST

from billing import prices
from config.studio import get_base
from config.web.labels import ERA_NAMES, QUALITY_NAMES, STYLE_NAMES, maker
from config.web.pagination import cursor_at, page
from config.web.problems import told
from gallery import clips, likeness, services
from gallery.faces.models import Person
from gallery.faces.pictures import faces_of
from gallery.models import Album, Item
from gallery.ratings.models import Reason
from gallery.ratings.services import rating_of
from gallery.search import FILTERS, selected
from gallery.serializers import ItemForm
from gallery.sharing import publishing
from gallery.shelf import stacks
from gallery.shelf.bulk import FLAGS, last_edit
from gallery.shelf.words import split_tags, tags_of
from ml.edit import print_size
from ml.errors import MLError
from twins.demonstration import DEMONSTRATION
from twins.models import Twin
from twins.redo.models import Mark

STAR_NAMES = (
    ("likeness", gettext_lazy("How much it looks like me")),
    ("prompt", gettext_lazy("How well it shows what I asked for")),
    ("quality", gettext_lazy("How good it is as a picture")),
)
SUGGESTED = 40  # of albums and people
EDITS = 8  # of a picture, shown beside it
DPI = 300  # of a good print
MONTHS = 600  # months on the scale beside the pictures, at most


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    """One page of pictures. JavaScript loads the next page on scrolling; without it there is a link."""
    chosen = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    rows, order = selected(request.user, chosen | _folding(chosen))
    found = page(request, rows, lambda item: item, order=order)
    below = stacks.below(request.user, found["results"])
    for item in found["results"]:
        item.below = below.get(item.id, 0)
        item.said = item.prompt or item.get_kind_display()
    days = [
        {"day": day, "items": list(items)}
        for day, items in groupby(found["results"], lambda i: timezone.localtime(i.created_at).date())
    ]
    part = bool(request.GET.get("part"))
    facts = {
        "days": days,
        "next": _here(request, found["next"]),
        "previous": _here(request, found["previous"]),
        "chosen": chosen,
        "styles": STYLE_NAMES,
        "tab": "gallery",
    }
    if not part:
        facts |= _around(request.user) | {"months": months(rows, order)}
        if "album" in chosen:
            facts["album"] = Album.objects.owned_by(request.user).get_or_404(chosen["album"])
    return render(request, "gallery/_rows.html" if part else "gallery/list.html", facts)


def _folding(chosen: dict[str, str]) -> dict[str, str]:
    """Stacks are folded in the plain gallery. A search or a filter shows each picture that it finds."""
    return {} if set(chosen) - {"ordering"} else {"folded": "true"}


def _around(user: Any) -> dict[str, Any]:
    """What the filters and the bar above chosen pictures offer."""
    return {
        "twins": Twin.objects.owned_by(user),
        "demonstration": DEMONSTRATION
        if Item.objects.owned_by(user).filter(demonstration=True).exists()
        else None,
        "kinds": Item.Kind.choices,
        "tags": tags_of(user),
        "people": Person.objects.owned_by(user).order_by("name")[:SUGGESTED],
        "albums": Album.objects.owned_by(user)[:SUGGESTED],
        "edit": last_edit(user),
    }


def months(rows: Any, order: tuple[str, ...]) -> list[tuple[datetime, str]]:
    """Returns (month, cursor of the page that begins with it) for each month of `rows`, at most MONTHS.

    It reads only the first and the last date, so its cost does not grow with the number of pictures. The
    cursor of an empty month leads to the next pictures.
    """
    ends = rows.aggregate(first=Min("created_at"), last=Max("created_at"))
    if not ends["first"]:
        return []
    first, last = (timezone.localtime(ends[name]) for name in ("first", "last"))
    start, found = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0), []
    while start <= last and len(found) < MONTHS:
        following = (start + timedelta(days=32)).replace(day=1)
        newest_first = order[0].startswith("-")
        # The cursor is just outside the month, with the id that sorts first there, so the page begins with
        # the month.
        at = (
            [following, UUID(int=0)]
            if newest_first
            else [start - timedelta(microseconds=1), UUID(int=(1 << 128) - 1)]
        )
        found.append((start, cursor_at(at)))
        start = following
    return found[::-1] if order[0].startswith("-") else found


def _here(request: HttpRequest, link: str | None) -> str:
    """This page's address with the query of an API link, without `part` (which asks for the rows only)."""
    if not link:
        return ""
    query = QueryDict(link.partition("?")[2], mutable=True)
    query.pop("part", None)
    return f"{request.path}?{query.urlencode()}"


@login_required
@require_GET
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    own = Item.objects.owned_by(request.user)
    item = own.select_related("twin", "original").get_or_404(ident)
    own = own.filter(archived=item.archived)
    same = Q(created_at=item.created_at)
    newer = own.filter(Q(created_at__gt=item.created_at) | same & Q(id__gt=item.id))
    older = own.filter(Q(created_at__lt=item.created_at) | same & Q(id__lt=item.id))
    facts = {
        "item": item,
        "style": STYLE_NAMES.get(item.style, item.style),
        "era": ERA_NAMES.get(item.recipe.get("era"), ""),
        "quality": QUALITY_NAMES.get(item.recipe.get("quality"), ""),
        "likeness": likeness.told(item),
        "maker": maker(item.engine),
        **_rating(item),
        "not_me": Mark.objects.filter(item=item.id).exists(),
        "newer": newer.order_by("created_at", "id").first(),
        "older": older.order_by("-created_at", "-id").first(),
        "faces": list(faces_of(item).shown()),
        **_stack(item),
        "tags": pgettext("between tags", ", ").join(item.tags),
        "tab": "gallery",
        **_tools(item),
        **clips.facts_of(item),
        **publishing.facts_of(item),
    }
    return render(request, "gallery/item.html", facts)


def _rating(item: Item) -> dict[str, Any]:
    """What templates/gallery/_rating.html reads: the questions that fit the picture, with their stars."""
    rating = rating_of(item)
    fits = {"likeness": item.twin is not None, "prompt": bool(item.prompt), "quality": True}
    stars = [(name, about, getattr(rating, name, None)) for name, about in STAR_NAMES if fits[name]]
    return {"rating": rating, "stars": stars, "reasons": Reason.choices}


def _tools(item: Item) -> dict[str, Any]:
    """What templates/gallery/_tools.html reads."""
    return {
        "edited": Item.objects.owned_by(item.user_id).filter(original=item)[:EDITS],
        "prints": list(prints(item)),
        "print_price": prices.pictures(get_base("nano"), "standard", 1),
        "key": secrets.token_urlsafe(12),
    }


def prints(item: Item) -> Iterator[dict[str, Any]]:
    """The sizes that a picture can be enlarged to, with their size on paper."""
    seen = set()
    for times in (2, 4):
        with suppress(MLError):
            size = print_size(item.width, item.height, times)
            if size not in seen:
                yield {"times": times, "width": size[0], "height": size[1]} | {
                    f"cm_{name}": n / DPI * 2.54 for name, n in zip(("width", "height"), size)
                }
            seen.add(size)


def _stack(item: Item) -> dict[str, Any]:
    """The pictures of its stack, or whether there are others of the same request to stack it with."""
    members = stacks.members_of(item)
    if len(members) > 1:
        return {"stack": members}
    same = Item.objects.owned_by(item.user_id).filter(job=item.job).exclude(id=item.id)
    return {"stackable": item.job is not None and same.exists()}


def _written(request: HttpRequest) -> dict[str, Any]:
    return {"tags": split_tags(request.POST.get("tags", "")), "notes": request.POST.get("notes", "")[:2000]}


@login_required
@require_POST
@told
def change(request: HttpRequest, ident: str) -> HttpResponse:
    """Changes `favourite` or `archived` when it is sent, else tags and notes."""
    item = Item.objects.owned_by(request.user).get_or_404(ident)
    if flags := {name: request.POST[name] == "on" for name in FLAGS if name in request.POST}:
        services.change_item(item, **flags)
    else:
        form = ItemForm(data=_written(request))
        form.is_valid(raise_exception=True)
        services.change_item(item, **form.validated_data)
        messages.success(request, _("Saved."))
    return redirect("item", item.id)
