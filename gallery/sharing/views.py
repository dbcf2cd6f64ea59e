"""The owner's pages of share links, and what a visitor with a link sees."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.exceptions import ValidationError

from accounts.emails import is_confirmed
from accounts.vault.vault import store
from config.errors import DomainError, NotFound
from config.web.caching import FORGET
from config.web.pagination import page
from config.web.problems import sentence_of, told
from config.web.ratelimit import limited
from gallery.models import Album, Item
from gallery.renditions import serve_item
from gallery.sharing import links, passwords
from gallery.sharing.models import ShareLink
from gallery.sharing.serializers import SharesForm, make_share, sentence_about
from ml import media

LABELS = {
    "1d": gettext_lazy("In a day"),
    "7d": gettext_lazy("In a week"),
    "30d": gettext_lazy("In a month"),
    "never": pgettext_lazy("a link ends", "Never"),
}
COVERS = 6  # of chosen pictures, above the form
SEEN, CARD = 1280, 1200  # px of the long side: a picture without its full file, and a preview card


# ---------------------------------------------------------------- the owner


@sensitive_post_parameters("password")
@login_required
@require_http_methods(["GET", "POST"])
@told
def new(request: HttpRequest) -> HttpResponse:
    """The form for the chosen pictures (`id`) or the `album`; with `make` the link itself. A refusal is told
    above the form, in which everything stays as it was."""
    if "make" in request.POST and _made(request):
        messages.success(request, _("The link is made. Copy it and send it to whom you like."))
        return redirect("share_links")
    facts = _chosen(request.user, request.POST or request.GET)
    if not facts["album"] and not facts["idents"]:
        messages.error(request, _("Choose a picture first."))
        return redirect("gallery")
    facts |= {"expiries": LABELS.items(), "confirmed": is_confirmed(request.user), "tab": "gallery"}
    facts |= {"expires": request.POST.get("expires", "7d"), "download": "download" in request.POST}
    return render(request, "gallery/sharing/new.html", facts)


def _chosen(user: Any, sent: QueryDict) -> dict[str, Any]:
    own, album, idents = Item.objects.owned_by(user), None, sent.getlist("id")[: links.MOST + 1]
    if sent.get("album") and not idents:
        album = Album.objects.owned_by(user).get_or_404(sent["album"])
        covers = own.filter(albums=album)
    else:
        covers = own.filter(id__in=idents)
        idents = [str(ident) for ident in covers.values_list("id", flat=True)]
    return {"album": album, "idents": idents, "covers": covers[:COVERS]}


def _made(request: HttpRequest) -> bool:
    try:
        _make(request)
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        messages.error(request, sentence_about(error))
        return False
    return True


@limited("shares")
def _make(request: HttpRequest) -> None:
    names = ("expires", "password", "download", "album")
    sent: dict[str, Any] = {name: request.POST[name] for name in names if request.POST.get(name)}
    form = SharesForm(data=sent | {"ids": request.POST.getlist("id")[: links.MOST + 1]})
    form.is_valid(raise_exception=True)
    make_share(request.user, form.validated_data)


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    found = page(request, links.with_covers(request.user), lambda link: link)
    counts = links.counts(request.user, found["results"])
    for link in found["results"]:
        link.count, link.url = counts[link.id], links.url_of(link)
        link.networks = links.networks(link.url) if link.url else []
    return render(request, "gallery/sharing/links.html", {"found": found, "tab": "gallery"})


@login_required
@require_POST
@told
def end(request: HttpRequest, ident: str) -> HttpResponse:
    ShareLink.objects.owned_by(request.user).get_or_404(ident).delete()
    messages.success(request, _("The link is ended. Nobody can open it any more."))
    return redirect("share_links")


# ---------------------------------------------------------------- visitors


def _private(answer: HttpResponse) -> HttpResponse:
    """Nobody keeps a copy, so that an ended link shows nothing, and no search engine lists it."""
    answer["Cache-Control"] = FORGET
    answer["X-Robots-Tag"] = "noindex"
    return answer


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@told
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """What the link shows, or the question for its password."""
    link = links.find(token)
    if request.method == "POST":
        return _unlock(request, link)
    if not passwords.is_open(request, link):
        return _asked(request, link)
    if request.method == "GET" and "cursor" not in request.GET and request.user.pk != link.user_id:
        links.count_view(link)
    rows, order = link.entries()
    found = page(request, rows, lambda row: row, order=order)
    single = found["results"][0] if len(found["results"]) == 1 and not request.GET.get("cursor") else None
    facts = {"link": link, "token": token, "found": found, "single": single}
    facts["card"] = _card(link, found["results"])
    return _private(render(request, "gallery/sharing/shared.html", facts))


def _card(link: ShareLink, rows: list[Any]) -> str:
    """The address of the preview card's picture; "" where a password protects the pictures."""
    url = links.url_of(link)
    return f"{url}card.jpg" if url and rows and not link.password_hash else ""


def _asked(request: HttpRequest, link: ShareLink, wrong: DomainError | None = None) -> HttpResponse:
    facts = {"wrong": sentence_of(wrong) if wrong else ""}
    status = wrong.status if wrong else 200
    return _private(render(request, "gallery/sharing/password.html", facts, status=status))


def _unlock(request: HttpRequest, link: ShareLink) -> HttpResponse:
    if link.password_hash:
        try:
            passwords.open_link(request, link, request.POST.get("password", "")[:200])
        except DomainError as wrong:
            return _asked(request, link, wrong)
    return redirect(request.path)


@require_GET
def shared_picture(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """The page of one of several pictures."""
    link = links.find(token)
    if not passwords.is_open(request, link):
        return redirect("shared", token)
    facts = {"link": link, "token": token, "row": links.row_of(link, number)}
    return _private(render(request, "gallery/sharing/picture.html", facts))


@require_GET
@limited("shared_files")
def shared_file(request: HttpRequest, token: str, number: int, rendition: str) -> HttpResponse:
    """A thumbnail; or as content the full file where the link allows to download it, else a smaller copy.

    A clip has no smaller copy and is played from the full file.
    """
    link = links.find(token)
    passwords.require_open(request, link)
    item = links.row_of(link, number).item
    if rendition == "content" and not link.download and not item.is_clip:
        return _private(_smaller(item, SEEN, "WEBP"))
    wanted = link.download and bool(request.GET.get("download"))
    return _private(serve_item(request, item, rendition, download=wanted))


@require_GET
@limited("shared_cards")
def card(request: HttpRequest, token: str) -> HttpResponse:
    """The picture of the preview card, for those who read no cookies: never of a link with a password."""
    link = links.find(token)
    rows, order = link.entries()
    row = None if link.password_hash else rows.order_by(*order).first()
    if row is None:
        raise links.ShareOver
    return _private(_smaller(row.item, CARD, "JPEG"))


def _smaller(item: Item, long_side: int, kind: str) -> HttpResponse:
    """A smaller copy, made for this answer; of a clip its first frame. Raises FileNotFoundError, which is
    answered as 404."""
    data = store(item.user_id).read(item.thumbnail if item.is_clip else item.content)
    data = media.thumbnail(data, long_side, kind)
    return HttpResponse(
        data, content_type=f"image/{kind.lower()}", headers={"X-Content-Type-Options": "nosniff"}
    )
