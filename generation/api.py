"""/generations, /styles, /prompts/suggest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from accounts.emails import EmailUnconfirmed
from accounts.standing.services import Suspended
from billing.engines.offers import EngineGone, PlanRequired
from billing.ledger import NotEnoughCredits, PaymentDue
from billing.limits import JobLimit, TwinReadOnly
from config.errors import AlreadyFinished, NotFound
from config.runs.places import Places
from config.web.labels import STYLE_NAMES
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import checked, idempotency_of
from generation import albums, demonstration, services, suggestions
from generation.clips import api as clips
from generation.clips.serializers import VideoForm
from generation.clips.services import REFUSALS as CLIPS
from generation.clips.services import VIDEO
from generation.eras import EraUnfit
from generation.models import Job
from generation.packs import api as packs
from generation.packs.prompts import PackUnfit
from generation.packs.serializers import HeadshotsForm
from generation.packs.services import HEADSHOTS, PackGone, PresetGone
from generation.serializers import DemonstrationSerializer, JobForm, JobSerializer, RepeatForm, show_job
from ml.types import STYLES
from moderation.adult.rules import REFUSALS as ADULT
from moderation.policy import PictureBlocked, PromptRefused
from twins.services import TwinDisabled

REFUSALS = (
    ConsentRequired,
    EngineGone,
    PlanRequired,
    NotFound,
    TwinDisabled,
    TwinReadOnly,
    services.TwinNotTrained,
    PromptRefused,
    JobLimit,
    NotEnoughCredits,
    PaymentDue,
    EmailUnconfirmed,
    Suspended,
    PictureBlocked,
    *ADULT,
    PackGone,
    PresetGone,
    PackUnfit,
    EraUnfit,
    *CLIPS,
    *demonstration.REFUSALS,
)
# Of POST /generations: one form for each kind.
FORMS = PolymorphicProxySerializer(
    component_name="GenerationForm",
    serializers=[JobForm, HeadshotsForm, VideoForm],
    resource_type_field_name=None,
)
ORDERS = {HEADSHOTS: packs.order, VIDEO: clips.order}
AGAIN = {HEADSHOTS: packs.again, VIDEO: clips.again}


class JobsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(JobSerializer))
    def get(self, request: Any) -> Response:
        rows = Job.objects.owned_by(request.user).shown().by_prompt().for_clients()
        return Response(page(request, rows, partial(show_job, places=Places())))

    @extend_schema(parameters=KEY, request=FORMS, responses={202: JobSerializer})
    @limited("generations")
    @refuses(*REFUSALS)
    def post(self, request: Any) -> Response:
        wanted = request.data.get("kind") if isinstance(request.data, Mapping) else None
        order = ORDERS.get(wanted, _images) if isinstance(wanted, str) else _images
        return Response(show_job(order(request)), status=202)


def _images(request: Any) -> Job:
    form = checked(JobForm, request)
    form.pop("kind")
    form = demonstration.picked(request, form)
    return services.request_images(
        request.user,
        album=albums.own(request.user, form.pop("album", None)),
        **form,
        **idempotency_of(request),
    )


class DemonstrationView(APIView):
    """The demonstration person, whom pictures can show before one has a twin."""

    @extend_schema(responses=DemonstrationSerializer)
    @refuses(NotFound)
    def get(self, request: Any) -> Response:
        return Response(demonstration.shown(request.user))


class JobView(APIView):
    @extend_schema(responses=JobSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_job(Job.objects.owned_by(request.user).get_or_404(ident)))


class CancelView(APIView):
    @extend_schema(request=None, responses={202: JobSerializer})
    @refuses(AlreadyFinished)
    def post(self, request: Any, ident: str) -> Response:
        job = Job.objects.owned_by(request.user).get_or_404(ident)
        job.cancel()
        return Response(show_job(job), status=202)


class RepeatView(APIView):
    @extend_schema(parameters=KEY, request=RepeatForm, responses={202: JobSerializer})
    @limited("generations")
    @refuses(*REFUSALS)
    def post(self, request: Any, ident: str) -> Response:
        form, job = checked(RepeatForm, request), Job.objects.owned_by(request.user).get_or_404(ident)
        again, overrides = AGAIN.get(job.kind, _again), form.get("overrides", {})
        made = again(request, job, same_seed=form["same_seed"], overrides=overrides)
        return Response(show_job(made), status=202)


def _again(request: Any, job: Job, *, same_seed: bool, overrides: dict[str, Any]) -> Job:
    form = JobForm(data=overrides, partial=True)
    form.is_valid(raise_exception=True)
    other = {k: v for k, v in form.validated_data.items() if k != "kind"}
    if "twin" in other:
        other = demonstration.picked(request, other)
    if "album" in other:
        other["album"] = albums.own(request.user, other["album"])
    return services.repeat(job, same_seed=same_seed, **other, **idempotency_of(request))


class StyleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    name = serializers.CharField()


class StylesView(APIView):
    permission_classes = ()

    @extend_schema(responses=StyleSerializer(many=True))
    def get(self, request: Any) -> Response:
        return Response([{"code": code, "name": str(STYLE_NAMES[code])} for code in STYLES])


class SuggestView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("q", str)],
        responses=serializers.ListSerializer(child=serializers.CharField()),
    )
    def get(self, request: Any) -> Response:
        own = Job.objects.owned_by(request.user).order_by("-created_at").values_list("prompt", flat=True)
        return Response(suggestions.suggest(request.GET.get("q", ""), own[: suggestions.LOOKED_AT]))
