"""/generations, /styles, /prompts/suggest."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from accounts.emails import EmailUnconfirmed
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
from generation import services, suggestions
from generation.models import Job
from generation.serializers import JobForm, JobSerializer, RepeatForm, show_job
from ml.types import STYLES
from moderation.policy import PromptRefused
from twins.models import Twin
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
)


class JobsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(JobSerializer))
    def get(self, request: Any) -> Response:
        rows = Job.objects.owned_by(request.user).shown().by_prompt().for_clients()
        return Response(page(request, rows, partial(show_job, places=Places())))

    @extend_schema(parameters=KEY, request=JobForm, responses={202: JobSerializer})
    @limited("120/h", "generations")
    @refuses(*REFUSALS)
    def post(self, request: Any) -> Response:
        form = checked(JobForm, request)
        form.pop("kind")
        twin = form.pop("twin", None)
        job = services.request_images(
            request.user,
            twin=Twin.objects.owned_by(request.user).get_or_404(twin) if twin else None,
            **form,
            **idempotency_of(request),
        )
        return Response(show_job(job), status=202)


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
    @limited("120/h", "generations")
    @refuses(*REFUSALS)
    def post(self, request: Any, ident: str) -> Response:
        form, job = checked(RepeatForm, request), Job.objects.owned_by(request.user).get_or_404(ident)
        changed = JobForm(data=form.get("overrides", {}), partial=True)
        changed.is_valid(raise_exception=True)
        overrides = {k: v for k, v in changed.validated_data.items() if k != "kind"}
        if "twin" in overrides:
            own, twin = Twin.objects.owned_by(request.user), overrides["twin"]
            overrides["twin"] = own.get_or_404(twin) if twin else None
        again = services.repeat(job, same_seed=form["same_seed"], **overrides, **idempotency_of(request))
        return Response(show_job(again), status=202)


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
