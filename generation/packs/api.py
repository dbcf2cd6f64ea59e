"""/packs, orders of headshots, and their contact sheets."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.engines import offers
from config.errors import NotFound
from config.studio import get_base
from config.web.caching import CHECK, precondition
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked, idempotency_of
from generation import albums
from generation.models import Job
from generation.packs import services, sheet
from generation.packs.models import PackPicture
from generation.packs.serializers import (
    AgainForm,
    HeadshotPackSerializer,
    HeadshotsForm,
    KeepForm,
    KeptSerializer,
    ShotSerializer,
    show_pack,
    show_shot,
)
from generation.sessions.models import Session
from twins.models import Twin


class PacksView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("engine", str, description="of /engines; else the usual one")],
        responses=HeadshotPackSerializer(many=True),
    )
    @refuses(offers.PlanRequired)
    def get(self, request: Any) -> Response:
        """The packs that an engine can make, each with its presets and example pictures."""
        wanted = request.GET.get("engine")
        base = offers.require(request.user, wanted) if wanted else get_base(offers.default(request.user))
        return Response([show_pack(pack, base) for pack in services.offered(base)])


class PackPictureView(APIView):
    permission_classes = ()

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    def get(self, request: Any, code: str, number: int) -> Any:
        rows = PackPicture.objects.filter(pack__code=code, pack__enabled=True, number=number)
        if (picture := rows.first()) is None:
            raise NotFound
        if unchanged := precondition(request, f'"{picture.etag}"'):
            return unchanged
        headers = {"ETag": f'"{picture.etag}"', "Cache-Control": CHECK}
        return HttpResponse(bytes(picture.data), content_type="image/jpeg", headers=headers)


def order(request: Any) -> Job:
    """The order that the body of POST /generations asks for."""
    form = checked(HeadshotsForm, request)
    form.pop("kind")
    own, session = Session.objects.owned_by(request.user), form.pop("session", None)
    group = own.get_or_404(session) if session else None
    twin = Twin.objects.owned_by(request.user).get_or_404(form.pop("twin"))
    album = albums.own(request.user, form.pop("album", None))
    job = services.order(request.user, twin=twin, album=album, **form, **idempotency_of(request))
    if group:
        group.jobs.add(job)
    return job


def again(request: Any, job: Job, *, same_seed: bool, overrides: dict[str, Any]) -> Job:
    """The same order again, for POST /generations/{id}/repeat."""
    form = AgainForm(data=overrides)
    form.is_valid(raise_exception=True)
    other = dict(form.validated_data)
    if "twin" in other:
        other["twin"] = Twin.objects.owned_by(request.user).get_or_404(other["twin"])
    if "album" in other:
        other["album"] = albums.own(request.user, other["album"])
    return services.again(job, same_seed=same_seed, **other, **idempotency_of(request))


class SheetView(APIView):
    @extend_schema(responses=ShotSerializer(many=True))
    def get(self, request: Any, ident: str) -> Response:
        """The pictures of a job from the best to the worst."""
        job = Job.objects.owned_by(request.user).get_or_404(ident)
        return Response([show_shot(shot) for shot in sheet.sheet(job)])


class KeepView(APIView):
    @extend_schema(request=KeepForm, responses=KeptSerializer)
    @limited("keep")
    def post(self, request: Any, ident: str) -> Response:
        """Marks the best pictures of a job as favourites."""
        job, form = Job.objects.owned_by(request.user).get_or_404(ident), checked(KeepForm, request)
        return Response({"items": [item.id for item in sheet.keep_best(job, form["best"])]})
