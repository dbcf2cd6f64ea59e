"""The public gallery: /public/items, and what is done with one item there. Reading needs no account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.emails import EmailUnconfirmed
from accounts.standing.services import Suspended
from config.errors import Invalid
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked
from gallery.models import Item
from gallery.sharing import publishing, talk
from gallery.sharing.models import Publication
from gallery.sharing.serializers import (
    CommentForm,
    CommentSerializer,
    LikesSerializer,
    PublicationSerializer,
    PublicItemSerializer,
    PublishForm,
    show_comment,
    show_public,
    show_publication,
    with_likes,
)
from moderation.policy import WordsRefused

NEWEST = ("-published_at", "-id")


class PublicItemsView(APIView):
    """Approved pictures of everybody, the newest first."""

    permission_classes = ()

    @extend_schema(
        parameters=[*PAGE, OpenApiParameter("author", UUID, description="the pictures of one author")],
        responses=paged(PublicItemSerializer),
    )
    def get(self, request: Any) -> Response:
        rows = Publication.objects.shown().select_related("author")
        if author := request.GET.get("author"):
            rows = rows.filter(author=_uuid(author))
        found = page(request, rows, lambda row: row, order=NEWEST)
        shown = [show_public(row) for row in with_likes(request.user, found["results"])]
        return Response(found | {"results": shown})


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(errors={"author": ["UUID"]}) from None


class PublishView(APIView):
    """Submits an item to the public gallery, where it is shown once staff approve it."""

    @extend_schema(request=PublishForm, responses={201: PublicationSerializer})
    @refuses(*publishing.REFUSALS, EmailUnconfirmed, Suspended, WordsRefused)
    @limited("publish")
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
        row = publishing.submit(request.user, item, **checked(PublishForm, request))
        return Response(show_publication(row), status=201)


class WithdrawView(APIView):
    """Takes an item out of the public gallery at once, with its likes and comments."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Any, ident: str) -> Response:
        publishing.withdraw(request.user, ident)
        return Response(status=204)


class LikeView(APIView):
    @extend_schema(request=None, responses=LikesSerializer)
    @refuses(EmailUnconfirmed, Suspended)
    @limited("likes")
    def post(self, request: Any, ident: str) -> Response:
        row = Publication.objects.shown().get_or_404(ident)
        return Response({"likes": talk.like(request.user, row)})

    @extend_schema(request=None, responses=LikesSerializer)
    def delete(self, request: Any, ident: str) -> Response:
        row = Publication.objects.shown().get_or_404(ident)
        return Response({"likes": talk.unlike(request.user, row)})


class CommentsView(APIView):
    permission_classes = (IsAuthenticatedOrReadOnly,)

    @extend_schema(parameters=PAGE, responses=paged(CommentSerializer))
    def get(self, request: Any, ident: str) -> Response:
        row = Publication.objects.shown().get_or_404(ident)
        rows = row.comments.shown().select_related("author")
        return Response(page(request, rows, show_comment))

    @extend_schema(request=CommentForm, responses={201: CommentSerializer})
    @refuses(EmailUnconfirmed, Suspended, WordsRefused)
    @limited("comments")
    def post(self, request: Any, ident: str) -> Response:
        row = Publication.objects.shown().get_or_404(ident)
        made = talk.comment(request.user, row, **checked(CommentForm, request))
        return Response(show_comment(made), status=201)


class CommentView(APIView):
    """Deletes a comment: one's own, or one on one's own picture."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        talk.delete_comment(request.user, ident)
        return Response(status=204)
