"""/items and /albums."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.serializers import ExportSerializer, show_export
from accounts.services import request_export
from accounts.standing.services import Suspended
from config.web.caching import precondition
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, MATCH, PAGE, paged, refuses
from config.web.serializers import checked, idempotency_of
from gallery import edits, search, services
from gallery.models import Album, Item
from gallery.renditions import serve_item
from gallery.serializers import (
    AlbumForm,
    AlbumItemsForm,
    AlbumSerializer,
    CountSerializer,
    DeletedSerializer,
    DeleteForm,
    EditForm,
    ExportForm,
    ItemForm,
    ItemSerializer,
    measured_by,
    show_item,
)
from gallery.shelf.albums import albums


class ItemsView(APIView):
    @extend_schema(
        parameters=[*PAGE, *(OpenApiParameter(name, str) for name in search.FILTERS)],
        responses=paged(ItemSerializer),
    )
    def get(self, request: Any) -> Response:
        rows, order = search.selected(request.user, request.GET)
        show = partial(show_item, measured=measured_by(request.user))
        return Response(page(request, rows, show, order=order))


class ItemView(APIView):
    @extend_schema(responses=ItemSerializer)
    def get(self, request: Any, ident: str) -> Any:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        return precondition(request, _version(item)) or self._show(item)

    @extend_schema(parameters=MATCH, request=ItemForm, responses=ItemSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        form = checked(ItemForm, request)
        with transaction.atomic():
            own = Item.objects.owned_by(request.user)
            item = own.select_for_update(of=("self",)).get_or_404(ident)
            precondition(request, _version(item))
            return self._show(services.change_item(item, **form))

    @extend_schema(parameters=MATCH, request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        own = Item.objects.owned_by(request.user)
        precondition(request, _version(item := own.get_or_404(ident)))
        own.filter(id=item.id).remove()
        return Response(status=204)

    def _show(self, item: Item) -> Response:
        response = Response(show_item(item, measured_by(item.user_id)))
        response["ETag"] = _version(item)
        return response


def _version(item: Item) -> str:
    return f'"{item.updated_at.timestamp():.6f}"'


class ItemFileView(APIView):
    """The full picture or clip (`content`), by parts with Range, or its thumbnail (`thumbnail`)."""

    @extend_schema(responses={(200, "image/png"): bytes, (200, "video/mp4"): bytes})
    def get(self, request: Any, ident: str, rendition: str) -> Any:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        return serve_item(request, item, rendition, download=bool(request.GET.get("download")))


class EditsView(APIView):
    """Edits a picture into a new one; the original stays. The same edit a second time gives the first one."""

    @extend_schema(request=EditForm, responses={201: ItemSerializer})
    @limited("edits")
    @refuses(*edits.REFUSALS, Suspended)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        form = EditForm(data=request.data)
        form.is_valid(raise_exception=True)
        made = edits.edit_item(item, form.edit)
        return Response(show_item(made, measured_by(request.user)), status=201)


class DeleteView(APIView):
    @extend_schema(request=DeleteForm, responses=DeletedSerializer)
    @limited("delete")
    def post(self, request: Any) -> Response:
        return Response({"deleted": search.chosen(request.user, checked(DeleteForm, request)).remove()})


class ExportsView(APIView):
    @extend_schema(parameters=KEY, request=ExportForm, responses={202: ExportSerializer})
    @limited("exports")
    def post(self, request: Any) -> Response:
        form = checked(ExportForm, request)
        search.chosen(request.user, form)  # refuses an invalid choice now, not later in the worker
        export = request_export(request.user, chosen=form, **idempotency_of(request))
        return Response(show_export(export), status=202)


# ---------------------------------------------------------------- albums


class AlbumsView(APIView):
    @extend_schema(
        parameters=[*PAGE, OpenApiParameter("q", str, description="a part of the name")],
        responses=paged(AlbumSerializer),
    )
    def get(self, request: Any) -> Response:
        rows = albums(request.user, request.GET.get("q", "")[:80])
        return Response(page(request, rows, lambda a: AlbumSerializer(a).data))

    @extend_schema(request=AlbumForm, responses={201: AlbumSerializer})
    @limited("albums")
    def post(self, request: Any) -> Response:
        album = services.save_album(request.user, **checked(AlbumForm, request))
        return Response(AlbumSerializer(album).data, status=201)


class AlbumView(APIView):
    @extend_schema(responses=AlbumSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(AlbumSerializer(Album.objects.owned_by(request.user).get_or_404(ident)).data)

    @extend_schema(request=AlbumForm, responses=AlbumSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        album = Album.objects.owned_by(request.user).get_or_404(ident)
        return Response(AlbumSerializer(services.rename_album(album, **checked(AlbumForm, request))).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        Album.objects.owned_by(request.user).get_or_404(ident).delete()
        return Response(status=204)


class AlbumItemsView(APIView):
    @extend_schema(request=AlbumItemsForm, responses=CountSerializer)
    def post(self, request: Any, ident: str) -> Response:
        album = Album.objects.owned_by(request.user).get_or_404(ident)
        return Response({"count": services.change_album(album, **checked(AlbumItemsForm, request))})
