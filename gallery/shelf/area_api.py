"""/locked: the area's pictures, while it is open in the request's session."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.confirm import ReauthenticationRequired
from accounts.serializers import ProofForm
from config.errors import RateLimited
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked
from gallery.renditions import serve_item
from gallery.serializers import DeletedSerializer, ItemSerializer, measured_by, show_item
from gallery.shelf import area


class OpenSerializer(serializers.Serializer):  # type: ignore[type-arg]
    until = serializers.DateTimeField()


class IdsForm(serializers.Serializer):  # type: ignore[type-arg]
    ids = serializers.ListField(child=serializers.UUIDField(), max_length=1000, allow_empty=False)


class LockedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    changed = serializers.IntegerField()


class OpenView(APIView):
    """Opens the area for ten minutes in this session; DELETE locks it again at once."""

    @extend_schema(request=ProofForm, responses=OpenSerializer)
    @refuses(ReauthenticationRequired, RateLimited, area.AreaLocked)
    @limited("locked")
    def post(self, request: Any) -> Response:
        return Response({"until": area.open_area(request, **checked(ProofForm, request))})

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any) -> Response:
        area.close_area(request)
        return Response(status=204)


class LockView(APIView):
    """Puts items into the area. That needs no password."""

    @extend_schema(request=IdsForm, responses=LockedSerializer)
    @limited("lock")
    def post(self, request: Any) -> Response:
        return Response({"changed": area.lock(request.user, checked(IdsForm, request)["ids"])})


class LockedView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(ItemSerializer))
    @refuses(area.AreaLocked)
    def get(self, request: Any) -> Response:
        show = partial(show_item, measured=measured_by(request.user))
        return Response(page(request, area.items(request), show))


class LockedFileView(APIView):
    @extend_schema(responses={(200, "image/png"): bytes})
    @refuses(area.AreaLocked)
    def get(self, request: Any, ident: str, rendition: str) -> Any:
        item = area.item(request, ident)
        answer = serve_item(request, item, rendition, download=bool(request.GET.get("download")))
        answer["Cache-Control"] = "private, no-store"  # no copy stays in the browser
        return answer


class ReleaseView(APIView):
    """Takes items out of the area, back into the gallery."""

    @extend_schema(request=IdsForm, responses=LockedSerializer)
    @refuses(area.AreaLocked)
    def post(self, request: Any) -> Response:
        locked = area.items(request)
        return Response({"changed": area.release(locked, checked(IdsForm, request)["ids"])})


class DeleteLockedView(APIView):
    @extend_schema(request=IdsForm, responses=DeletedSerializer)
    @refuses(area.AreaLocked)
    def post(self, request: Any) -> Response:
        locked = area.items(request)
        return Response({"deleted": locked.filter(id__in=checked(IdsForm, request)["ids"]).remove()})
