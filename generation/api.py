"""/generations, /styles, /prompts/suggest."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from config.runs.places import Places
from config.web.labels import STYLE_NAMES
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged
from config.web.serializers import checked, idempotency_of
from generation import services, suggestions
from generation.models import Job
<<<<<<< HEAD
from generation.serializers import JobForm, JobSerializer, RepeatForm, show_job
from ml.types import STYLES
from twins.models import Twin
=======
from ml.types import ASPECTS, QUALITIES, STYLES
from twins.services import twin_of

PROMPT = 1000  # characters, as ml.safety reads them


def _text(value: str) -> str:
    if any(ord(c) < 32 and c not in "\n\t" for c in value):
        raise serializers.ValidationError(suggestions.NO_CONTROL)
    return value


class JobForm(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=kinds.choices(), default="image")
    twin = serializers.UUIDField(required=False, allow_null=True)
    prompt = serializers.CharField(max_length=PROMPT, validators=[_text])
    negative_prompt = serializers.CharField(
        max_length=PROMPT, required=False, allow_blank=True, validators=[_text]
    )
    style = serializers.ChoiceField(choices=STYLES, required=False)
    aspect_ratio = serializers.ChoiceField(choices=ASPECTS, required=False)
    quality = serializers.ChoiceField(choices=QUALITIES, required=False)
    count = serializers.IntegerField(min_value=1, max_value=8, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    steps = serializers.IntegerField(min_value=1, max_value=50, required=False)


def quoted(user: Any, fields: dict[str, Any]) -> int:
    """The price of a request with these fields. Raises ValidationError."""
    form = JobForm(data={"prompt": "-", **fields})
    form.is_valid(raise_exception=True)
    asked = form.validated_data | {"twin": None}
    return kinds.get(asked["kind"]).price(Job(**asked))


class RepeatForm(serializers.Serializer):  # type: ignore[type-arg]
    same_seed = serializers.BooleanField(default=True)
    overrides = serializers.DictField(required=False)


class RecipeShape(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.CharField()
    twin = serializers.UUIDField(allow_null=True)
    training = serializers.UUIDField(allow_null=True)
    prompt = serializers.CharField()
    negative_prompt = serializers.CharField(allow_blank=True)
    style = serializers.CharField()
    aspect_ratio = serializers.CharField()
    quality = serializers.CharField()
    count = serializers.IntegerField()
    seed = serializers.IntegerField()
    steps = serializers.IntegerField(allow_null=True)


class JobShape(RunFields):
    recipe = RecipeShape()
    items = serializers.ListField(child=serializers.UUIDField())


def show_job(job: Job, places: Places | None = None) -> dict[str, Any]:
    return run_fields(job, places) | {"recipe": job.recipe, "items": [o.item for o in job.outputs.all()]}


def job_of(user: Any, ident: str) -> Job:
    job = (
        Job.objects.owned_by(user)
        .select_related("twin", "training")
        .prefetch_related("outputs")
        .filter(id=ident)
        .first()
    )
    if job is None:
        raise NotFound
    return job
>>>>>>> h/runs


class JobsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(JobSerializer))
    def get(self, request: Any) -> Response:
        rows = Job.objects.owned_by(request.user).shown().prefetch_related("outputs")
        return Response(page(request, rows, partial(show_job, places=Places())))

    @extend_schema(parameters=KEY, request=JobForm, responses={202: JobSerializer})
    @limited("120/h", "generations")
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
    def post(self, request: Any, ident: str) -> Response:
        job = Job.objects.owned_by(request.user).get_or_404(ident)
        job.cancel()
        return Response(show_job(job), status=202)


class RepeatView(APIView):
    @extend_schema(parameters=KEY, request=RepeatForm, responses={202: JobSerializer})
    @limited("120/h", "generations")
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
