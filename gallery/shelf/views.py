"""What the gallery's page does with chosen pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.services import request_export
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.models import Item
from gallery.services import album_named
from gallery.shelf import alike, area, bulk, duplicates, stacks
from gallery.shelf.models import BulkEdit
from gallery.shelf.words import split_tags


@limited("exports")
def _pack(request: HttpRequest, ids: list[str]) -> HttpResponse:
    return redirect("archive", request_export(request.user, scope="items", chosen={"ids": ids}).id)


def _download(request: HttpRequest, chosen: Any) -> HttpResponse:
    return _pack(request, [str(ident) for ident in chosen.values_list("id", flat=True)])


def _delete(request: HttpRequest, chosen: Any) -> None:
    n = chosen.remove()
    said = ngettext("%(n)s picture was deleted.", "%(n)s pictures were deleted.", n) % {"n": n}
    messages.success(request, said)


def _set(name: str, to: bool) -> Callable[[HttpRequest, Any], None]:
    def act(request: HttpRequest, chosen: Any) -> None:
        bulk.edit_items(request.user, chosen, flags={name: to})

    return act


def _change(request: HttpRequest, chosen: Any) -> None:
    """Adds and removes tags, and puts the pictures into the album of this name, which may be new."""
    name = request.POST.get("album", "").strip()
    bulk.edit_items(
        request.user,
        chosen,
        add_tags=split_tags(request.POST.get("add_tags", "")),
        remove_tags=split_tags(request.POST.get("remove_tags", "")),
        add_albums=[album_named(request.user, name).id] if name else [],
    )


def _stack(request: HttpRequest, chosen: Any) -> None:
    """The newest picture is on top; the page of a picture changes that."""
    newest = chosen.order_by("-created_at", "-id").values_list("id", flat=True)
    stacks.stack(request.user, list(newest[: stacks.MOST + 1]))


def _lock(request: HttpRequest, chosen: Any) -> None:
    n = area.lock(request.user, chosen.values_list("id", flat=True))
    said = ngettext("%(n)s picture is locked now.", "%(n)s pictures are locked now.", n) % {"n": n}
    messages.success(request, said)


def _take_out_of_album(request: HttpRequest, chosen: Any) -> None:
    """Out of the album that the page shows."""
    album = QueryDict(request.POST.get("query", "")[:2000]).get("album", "")
    bulk.edit_items(request.user, chosen, remove_albums=[album])


ACTS: dict[str, Callable[[HttpRequest, Any], HttpResponse | None]] = {
    "change": _change,
    "favourite": _set("favourite", True),
    "archive": _set("archived", True),
    "unarchive": _set("archived", False),
    "stack": _stack,
    "unalbum": _take_out_of_album,
    "lock": _lock,
    "download": _download,
    "delete": _delete,
}


@login_required
@require_POST
@told
def many(request: HttpRequest) -> HttpResponse:
    """Does `act` with the chosen pictures, and shows the list again as it was filtered."""
    chosen = Item.objects.owned_by(request.user).filter(id__in=request.POST.getlist("id")[: bulk.MOST])
    act = ACTS.get(request.POST.get("act", ""))
    return act and act(request, chosen) or redirect(_listed(request))


def _listed(request: HttpRequest) -> str:
    query = QueryDict(request.POST.get("query", "")[:2000], mutable=True)
    query.pop("part", None)
    return f"{reverse('gallery')}?{query.urlencode()}" if query else reverse("gallery")


@login_required
@require_POST
@told
def undo(request: HttpRequest, ident: str) -> HttpResponse:
    n = bulk.undo(BulkEdit.objects.owned_by(request.user).get_or_404(ident))
    said = ngettext("%(n)s picture is as it was before.", "%(n)s pictures are as they were before.", n)
    messages.success(request, said % {"n": n} if n else _("This was undone already."))
    return redirect(_listed(request))


@login_required
@require_POST
@told
def restack(request: HttpRequest, ident: str) -> HttpResponse:
    """Changes the stack of this picture by `act`."""
    item = Item.objects.owned_by(request.user).get_or_404(ident)
    match request.POST.get("act"):
        case "keep":
            stacks.keep(item)
        case "out":
            stacks.take_out(item)
        case "apart":
            stacks.dissolve(item)
        case "job" if item.job:
            same = Item.objects.owned_by(request.user).filter(job=item.job).values_list("id", flat=True)
            stacks.stack(request.user, list(same), keeper=item.id)
    return redirect("item", item.id)


@login_required
@require_GET
def duplicated(request: HttpRequest) -> HttpResponse:
    facts = {
        "groups": duplicates.groups(request.user),
        "alike": alike.groups(request.user),
        "edit": bulk.last_edit(request.user),
        "tab": "gallery",
    }
    return render(request, "gallery/duplicates.html", facts)


@login_required
@require_POST
@told
def merge(request: HttpRequest) -> HttpResponse:
    own = Item.objects.owned_by(request.user)
    if "apart" in request.POST:
        alike.keep_apart(request.user, _ids(own, request.POST.getlist("shown")))
        return redirect("duplicates")
    keep = own.get_or_404(request.POST.get("keep"))
    if "alike" in request.POST:
        alike.merge(keep, _ids(own, request.POST.getlist("into")))
    else:
        duplicates.merge(keep)
    return redirect("duplicates")


def _ids(own: Any, sent: list[str]) -> list[Any]:
    """Raises NotFound."""
    return [own.get_or_404(ident).id for ident in sent[: alike.MOST]]
