"""Pages of albums: the list, in which one looks before making a new one, and changes of one album."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from gallery import services
from gallery.models import Album
from gallery.shelf.albums import albums, sizes, with_covers


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    """The albums whose name contains `q`. If none has exactly this name, it is offered as a new one."""
    q = request.GET.get("q", "").strip()[:80]
    found = page(request, with_covers(albums(request.user, q)), lambda album: album)
    counts = sizes(found["results"])
    for album in found["results"]:
        album.count = counts.get(album.id, 0)
    known = not q or Album.objects.owned_by(request.user).filter(name__iexact=q).exists()
    facts = {"q": q, "found": found, "new": "" if known else q, "tab": "gallery"}
    return render(request, "gallery/albums.html", facts)


@login_required
@require_POST
@told
@limited("albums")
def create(request: HttpRequest) -> HttpResponse:
    """Opens the album of this name, which is made if there is none."""
    return _open(services.album_named(request.user, request.POST.get("name", "")))


def _open(album: Album) -> HttpResponse:
    return redirect(f"{reverse('gallery')}?album={album.id}")


@login_required
@require_POST
@told
def change(request: HttpRequest, ident: str) -> HttpResponse:
    """Renames the album, or deletes it; its pictures stay in the gallery."""
    album = Album.objects.owned_by(request.user).get_or_404(ident)
    if request.POST.get("act") == "delete":
        album.delete()
        messages.success(request, _("The album was deleted. Its pictures stay in the gallery."))
        return redirect("albums")
    services.rename_album(album, name=services.clean_name(request.POST.get("name", "")))
    return _open(album)
