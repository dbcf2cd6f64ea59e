"""/items/bulk, /items/stacks and /items/{id}/stack."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import NotFound
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from gallery import search
from gallery.models import Item
from gallery.shelf import alike, bulk, duplicates, stacks
from gallery.shelf.models import BulkEdit
from gallery.shelf.serializers import (
    ApartForm,
    ApartSerializer,
    BulkEditSerializer,
    BulkForm,
    DuplicatesSerializer,
    MergeForm,
    StackForm,
    StackSerializer,
    UndoneSerializer,
    changes_of,
    show_edit,
    show_stack,
)


class BulkView(APIView):
    @extend_schema(request=BulkForm, responses=BulkEditSerializer)
    @refuses(bulk.TooManyItems, NotFound)
    @limited("bulk")
    def post(self, request: Any) -> Response:
        form = checked(BulkForm, request)
        chosen = search.chosen(request.user, form)
        return Response(show_edit(bulk.edit_items(request.user, chosen, **changes_of(form))))


class BulkUndoView(APIView):
    """Undoes the last bulk edit, for 30 minutes. A second time it changes nothing."""

    @extend_schema(request=None, responses=UndoneSerializer)
    @refuses(bulk.UndoExpired)
    def post(self, request: Any, ident: str) -> Response:
        edit = BulkEdit.objects.owned_by(request.user).get_or_404(ident)
        return Response({"changed": bulk.undo(edit)})


class StacksView(APIView):
    """Stacks items, together with the stacks that they are in."""

    @extend_schema(request=StackForm, responses=StackSerializer)
    @refuses(stacks.StackTooSmall, stacks.StackTooLarge, NotFound)
    @limited("stacks")
    def post(self, request: Any) -> Response:
        form = checked(StackForm, request)
        return Response(show_stack(stacks.stack(request.user, form["ids"], keeper=form.get("keeper"))))


class StackView(APIView):
    """The stack that an item is in. POST puts the item on top, DELETE takes the whole stack apart."""

    @extend_schema(responses=StackSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_stack(Item.objects.owned_by(request.user).get_or_404(ident)))

    @extend_schema(request=None, responses=StackSerializer)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        return Response(show_stack(stacks.keep(item)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        stacks.dissolve(Item.objects.owned_by(request.user).get_or_404(ident))
        return Response(status=204)


class UnstackView(APIView):
    """Takes one item out of its stack."""

    @extend_schema(request=None, responses=StackSerializer)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        stacks.take_out(item)
        item.refresh_from_db(fields=["keeper"])
        return Response(show_stack(item))


class DuplicatesView(APIView):
    """The newest 50 groups of pictures that are equal byte for byte, and of those that look alike, without
    the archive."""

    @extend_schema(responses=DuplicatesSerializer)
    def get(self, request: Any) -> Response:
        found = {"results": duplicates.groups(request.user), "alike": alike.groups(request.user)}
        return Response({name: [[i.id for i in items] for items in rows] for name, rows in found.items()})


class MergeView(APIView):
    """Merges pictures into `keep`: `ids`, or all that are equal to it. It is undone like a bulk edit."""

    @extend_schema(request=MergeForm, responses=BulkEditSerializer)
    @refuses(NotFound)
    @limited("bulk")
    def post(self, request: Any) -> Response:
        form = checked(MergeForm, request)
        keep = Item.objects.owned_by(request.user).get_or_404(form["keep"])
        edit = alike.merge(keep, form["ids"]) if "ids" in form else duplicates.merge(keep)
        return Response(show_edit(edit))


class ApartView(APIView):
    """Says that pictures which look alike are different. They are not shown as a group again."""

    @extend_schema(request=ApartForm, responses=ApartSerializer)
    @limited("bulk")
    def post(self, request: Any) -> Response:
        return Response({"changed": alike.keep_apart(request.user, checked(ApartForm, request)["ids"])})
