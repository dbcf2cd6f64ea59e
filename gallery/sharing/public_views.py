"""Pages of the public gallery. Reading needs no account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.exceptions import ValidationError

from config.errors import DomainError
from config.web.caching import precondition
from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.models import Item
from gallery.sharing import copies, publishing, talk
from gallery.sharing.models import Author, Publication
from gallery.sharing.serializers import CommentForm, PublishForm, sentence_about, with_likes

NEWEST = ("-published_at", "-id")
# Nobody shows a copy of a picture for longer than this after it was withdrawn.
KEPT = "public, max-age=30, must-revalidate"


@require_GET
@told
def explore(request: HttpRequest) -> HttpResponse:
    return _page(request, Publication.objects.shown())


@require_GET
@told
def author(request: HttpRequest, ident: str) -> HttpResponse:
    who = Author.objects.get_or_404(ident)
    return _page(request, Publication.objects.shown().filter(author=who), who=who)


def _page(request: HttpRequest, rows: Any, **facts: Any) -> HttpResponse:
    found = page(request, rows.select_related("author"), lambda row: row, order=NEWEST)
    with_likes(request.user, found["results"])
    return render(request, "gallery/sharing/explore.html", {"found": found, **facts})


@require_http_methods(["GET", "HEAD", "POST"])
@told
def published(request: HttpRequest, ident: str) -> HttpResponse:
    """The picture with its comments. A POST writes one; if it is refused, the page keeps what was typed."""
    row = Publication.objects.shown().select_related("author").get_or_404(ident)
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(request.path)
        if _commented(request, row):
            return redirect("published", row.id)
    with_likes(request.user, [row])
    comments = page(request, row.comments.shown().select_related("author"), lambda comment: comment)
    facts = {"row": row, "comments": comments, "here": f"{settings.ORIGIN}/explore/{row.id}/"}
    if request.user.is_authenticated:
        facts["author"] = Author.objects.owned_by(request.user).first()
    return render(request, "gallery/sharing/published.html", facts)


def _commented(request: HttpRequest, row: Publication) -> bool:
    try:
        _comment(request, row)
    except (DomainError, ValidationError) as error:
        messages.error(request, sentence_about(error))
        return False
    return True


@limited("comments")
def _comment(request: HttpRequest, row: Publication) -> None:
    talk.comment(request.user, row, **_written(CommentForm, request, "text", "author"))


def _written(kind: type[Any], request: HttpRequest, *names: str) -> dict[str, Any]:
    """The valid form of what was sent; an empty field is as one that is missing."""
    form = kind(data={name: request.POST[name] for name in names if request.POST.get(name)})
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@require_GET
@limited("public_files")
def picture(request: HttpRequest, ident: str, rendition: str) -> HttpResponse:
    """A copy's file. The row is asked each time: once withdrawn, the address is 404 at once here, and after
    30 seconds wherever a copy was kept."""
    row = Publication.objects.shown().only("id", "published_at").get_or_404(ident)
    etag = f'"{row.published_at.timestamp():.6f}"'
    answer = precondition(request, etag) or HttpResponse(
        copies.read(row.id, rendition), content_type=copies.FILES[rendition][1]
    )
    answer["ETag"], answer["Cache-Control"] = etag, KEPT
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@login_required
@require_POST
@told
@limited("likes")
def like(request: HttpRequest, ident: str) -> HttpResponse:
    row = Publication.objects.shown().get_or_404(ident)
    (talk.like if request.POST.get("like") == "on" else talk.unlike)(request.user, row)
    return redirect("published", row.id)


@login_required
@require_POST
@told
def delete_comment(request: HttpRequest, ident: str) -> HttpResponse:
    row = talk.delete_comment(request.user, ident)
    messages.success(request, _("The comment is deleted."))
    return redirect("published", row.id)


@login_required
@require_POST
@told
@limited("publish")
def publish(request: HttpRequest, ident: str) -> HttpResponse:
    """Submits the picture, or takes it out of the public gallery."""
    item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
    if request.POST.get("act") == "withdraw":
        publishing.withdraw(request.user, item.id)
        messages.success(request, _("It is out of the public gallery."))
    else:
        publishing.submit(request.user, item, **_written(PublishForm, request, "author", "caption"))
        messages.success(request, _("Submitted. One of us looks at it before others see it."))
    return redirect("item", item.id)
