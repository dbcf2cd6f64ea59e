"""/items and /albums."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import ExportShape, show_export
from accounts.services import request_export
from accounts.vault.vault import store
from config.errors import ChangedMeanwhile, Invalid, NotFound
from config.web.files import serve
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, MATCH, PAGE, paged
from config.web.serializers import checked, idempotency_of
from gallery import services
from gallery.models import Album, Item

ORDERS = {"": ("-created_at", "-id"), "newest": ("-created_at", "-id"), "oldest": ("created_at", "id")}
FILTERS = ("kind", "twin", "style", "favourite", "tag", "album", "q", "ordering")


class ItemShape(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Item
        fields = (
            "id",
            "kind",
            "twin",
            "training",
            "job",
            "index",
            "prompt",
            "style",
            "recipe",
            "engine",
            "width",
            "height",
            "size",
            "media_type",
            "likeness",
            "favourite",
            "tags",
            "notes",
            "place",
            "created_at",
        )


# What a row says under each of those names. Written out, as a serializer takes 0.6 ms for each of a page's items.
COLUMNS = {name: "twin_id" if name == "twin" else name for name in ItemShape.Meta.fields}


def show_item(item: Item) -> dict[str, Any]:
    return {name: getattr(item, column) for name, column in COLUMNS.items()}


class ItemForm(serializers.Serializer):  # type: ignore[type-arg]
    favourite = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=60)
    notes = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    place = serializers.CharField(max_length=80, required=False, allow_blank=True)


class Filters(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=Item.Kind.choices, required=False)
    twin = serializers.UUIDField(required=False)
    style = serializers.CharField(max_length=20, required=False)
    favourite = serializers.BooleanField(required=False)
    tag = serializers.CharField(max_length=40, required=False)
    album = serializers.UUIDField(required=False)
    q = serializers.CharField(max_length=200, required=False)
    ordering = serializers.ChoiceField(choices=list(ORDERS), required=False)


def known(chosen: dict[str, Any]) -> None:
    """Raises Invalid for a filter that is none: a word mistyped must not choose everything."""
    if strange := sorted(set(chosen) - set(FILTERS)):
        raise Invalid(
            errors={f"filter.{name[:40]}": [str(_("There is no such filter."))] for name in strange[:10]}
        )


SIGNS = re.compile("(-?)([㐀-鿿぀-ヿ]+)")


def sought(q: str) -> SearchQuery:
    """As a search box takes it; a run of Chinese signs is found by its pairs, a single one by itself. Between
    runs stands no "or"."""
    found = SearchQuery(SIGNS.sub(" ", q), config="simple", search_type="websearch")
    for minus, run in SIGNS.findall(q):
        pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        here = [SearchQuery(pair, config="simple", search_type="plain", invert=bool(minus)) for pair in pairs]
        found &= functools.reduce(operator.or_ if minus else operator.and_, here)
    return found


def selected(user: Any, query: Any) -> tuple[Any, tuple[str, ...]]:
    """(the user's items, their order) as a query asks for them. Raises Invalid."""
    form = Filters(data={k: query[k] for k in FILTERS if query.get(k, "") != ""})
    form.is_valid(raise_exception=True)
    wanted = dict(form.validated_data)
    rows = Item.objects.owned_by(user)
    order = ORDERS[wanted.pop("ordering", "")]
    if q := wanted.pop("q", ""):
        rows = rows.filter(search=sought(q))
    if tag := wanted.pop("tag", ""):
        rows = rows.filter(tags__contains=[tag.lower()])
    if album := wanted.pop("album", None):
        rows = rows.filter(albums=album, albums__user=user)
    return rows.filter(**wanted), order


def item_of(user: Any, ident: str) -> Item:
    item = Item.objects.owned_by(user).filter(id=ident).first()
    if item is None:
        raise NotFound
    return item


def version_of(item: Item) -> str:
    return f'"{item.updated_at.timestamp():.6f}"'


class ItemsView(APIView):
    @extend_schema(
        parameters=[*PAGE, *(OpenApiParameter(name, str) for name in FILTERS)], responses=paged(ItemShape)
    )
    def get(self, request: Any) -> Response:
        rows, order = selected(request.user, request.GET)
        return Response(page(request, rows, show_item, order=order))


class ItemView(APIView):
    @extend_schema(responses=ItemShape)
    def get(self, request: Any, ident: str) -> Response:
        return self._show(item_of(request.user, ident))

    @extend_schema(parameters=MATCH, request=ItemForm, responses=ItemShape)
    def patch(self, request: Any, ident: str) -> Response:
        form = checked(ItemForm, request)
        with transaction.atomic():
            item = (
                Item.objects.select_for_update(of=("self",)).owned_by(request.user).filter(id=ident).first()
            )
            if item is None:
                raise NotFound
            if request.headers.get("If-Match", version_of(item)) not in (version_of(item), "*"):
                raise ChangedMeanwhile
            return self._show(services.change_item(item, **form))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        Item.objects.filter(id=item_of(request.user, ident).id).remove()
        return Response(status=204)

    def _show(self, item: Item) -> Response:
        response = Response(show_item(item))
        response["ETag"] = version_of(item)
        return response


class ItemFileView(APIView):
    """The picture as it was made (`content`), or its small one (`thumbnail`)."""

    @extend_schema(responses={(200, "image/png"): bytes})
    def get(self, request: Any, ident: str, rendition: str) -> Any:
        item, files = item_of(request.user, ident), store(request.user.id)
        if rendition == "thumbnail":
            return serve(request, files, item.thumbnail, media_type="image/webp")
        name = f"photoflux-{str(item.id)[:8]}.png" if request.GET.get("download") else ""
        return serve(request, files, item.content, etag=item.etag, media_type=item.media_type, download=name)


class ChosenForm(serializers.Serializer):  # type: ignore[type-arg]
    """`ids`, or a `filter` as the list takes it. One of them: nothing is ever deleted for want of a word."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    filter = serializers.DictField(child=serializers.CharField(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known(attrs.get("filter", {}))
        narrowing = {k: v for k, v in attrs.get("filter", {}).items() if k != "ordering" and v}
        if bool(attrs.get("ids")) == bool(narrowing):
            raise Invalid(errors={"ids": [str(_("Send either ids or a filter."))]})
        return attrs


def chosen(user: Any, form: dict[str, Any]) -> Any:
    """The items with these ids, else those that the filter finds, else all of them. Raises Invalid."""
    if "ids" in form:
        return Item.objects.owned_by(user).filter(id__in=form["ids"])
    return selected(user, form.get("filter", {}))[0]


class DeletedShape(serializers.Serializer):  # type: ignore[type-arg]
    deleted = serializers.IntegerField()


class DeleteView(APIView):
    @extend_schema(request=ChosenForm, responses=DeletedShape)
    @limited("60/h", "delete")
    def post(self, request: Any) -> Response:
        return Response({"deleted": chosen(request.user, checked(ChosenForm, request)).remove()})


class ExportForm(serializers.Serializer):  # type: ignore[type-arg]
    """`ids`, or a `filter`, or neither: all of them."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)
    filter = serializers.DictField(child=serializers.CharField(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known(attrs.get("filter", {}))
        return attrs


class ExportsView(APIView):
    @extend_schema(parameters=KEY, request=ExportForm, responses={202: ExportShape})
    @limited("20/h", "exports")
    def post(self, request: Any) -> Response:
        form = checked(ExportForm, request)
        chosen(request.user, form)  # what cannot be found is told now
        export = request_export(request.user, chosen=form, **idempotency_of(request))
        return Response(show_export(export), status=202)


# ---------------------------------------------------------------- albums


class AlbumShape(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class AlbumForm(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=80)


class AlbumItemsForm(serializers.Serializer):  # type: ignore[type-arg]
    add = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)
    remove = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)


class CountShape(serializers.Serializer):  # type: ignore[type-arg]
    count = serializers.IntegerField()


def album_of(user: Any, ident: str) -> Album:
    album = Album.objects.filter(user=user, id=ident).first()
    if album is None:
        raise NotFound
    return album


class AlbumsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(AlbumShape))
    def get(self, request: Any) -> Response:
        return Response(page(request, Album.objects.filter(user=request.user), lambda a: AlbumShape(a).data))

    @extend_schema(request=AlbumForm, responses={201: AlbumShape})
    @limited("120/h", "albums")
    def post(self, request: Any) -> Response:
        return Response(
            AlbumShape(services.save_album(request.user, **checked(AlbumForm, request))).data, status=201
        )


class AlbumView(APIView):
    @extend_schema(responses=AlbumShape)
    def get(self, request: Any, ident: str) -> Response:
        return Response(AlbumShape(album_of(request.user, ident)).data)

    @extend_schema(request=AlbumForm, responses=AlbumShape)
    def patch(self, request: Any, ident: str) -> Response:
        album = services.rename_album(album_of(request.user, ident), **checked(AlbumForm, request))
        return Response(AlbumShape(album).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        album_of(request.user, ident).delete()
        return Response(status=204)


class AlbumItemsView(APIView):
    @extend_schema(request=AlbumItemsForm, responses=CountShape)
    def post(self, request: Any, ident: str) -> Response:
        return Response(
            {
                "count": services.change_album(
                    album_of(request.user, ident), **checked(AlbumItemsForm, request)
                )
            }
        )
