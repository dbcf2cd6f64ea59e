"""/twins, /photos, /trainings."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.vault.vault import store
from config.errors import MissingFile, NotFound
from config.runs.models import SENTENCES as RUN_SENTENCES
from config.runs.models import Places, Status
from config.web.files import serve
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged
from config.web.serializers import RunFields, checked, idempotency_of, key_of, run_fields
from ml.catalogue import BASES
from twins import checks, services
from twins.models import Photo, Training, Twin


class Missing(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    detail = serializers.CharField()


class ReadinessShape(serializers.Serializer):  # type: ignore[type-arg]
    accepted = serializers.IntegerField()
    needed = serializers.IntegerField()
    missing = Missing(many=True)


class TwinForm(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=80)
    subject_class = serializers.ChoiceField(choices=Twin.Subject.choices, required=False)


class TwinShape(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    name = serializers.CharField()
    subject_class = serializers.CharField()
    status = serializers.CharField()
    photo_count = serializers.IntegerField()
    readiness = ReadinessShape()
    active_training = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


def status_of(twin: Any) -> str:
    """From what with_facts() annotated."""
    if twin.disabled_at:
        return "disabled"
    if twin.is_read_only:
        return "read_only"
    if twin.newest_status in (Status.QUEUED, Status.RUNNING):
        return "training"
    if twin.active_training_id:
        return "trained"
    if twin.newest_status == Status.FAILED:
        return "failed"
    return "ready" if twin.accepted_count >= services.LEAST else "draft"


def show_twin(twin: Any) -> dict[str, Any]:
    """`twin` from with_facts(), with its photos prefetched."""
    ready = checks.readiness(list(twin.photos.all()))
    return {
        "id": twin.id,
        "name": twin.name,
        "subject_class": twin.subject_class,
        "status": status_of(twin),
        "photo_count": twin.photo_count,
        "readiness": {
            "accepted": ready.accepted,
            "needed": ready.needed,
            "missing": [{"code": c, "detail": d} for c, d in ready.missing],
        },
        "active_training": twin.active_training_id,
        "created_at": twin.created_at,
    }


def twins_of(user: Any) -> Any:
    small = Photo.objects.accepted().only("twin_id", "accepted", "yaw", "light", "hints", "hash", "status")
    return Twin.objects.owned_by(user).with_facts().prefetch_related(Prefetch("photos", small))


def find(rows: Any, ident: Any) -> Any:
    found = rows.filter(id=ident).first()
    if found is None:
        raise NotFound
    return found


class TwinsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(TwinShape))
    def get(self, request: Any) -> Response:
        return Response(page(request, twins_of(request.user), show_twin))

    @extend_schema(request=TwinForm, responses={201: TwinShape})
    @limited("60/h", "twins")
    def post(self, request: Any) -> Response:
        twin = services.create_twin(request.user, **checked(TwinForm, request))
        return Response(show_twin(find(twins_of(request.user), twin.id)), status=201)


class TwinView(APIView):
    @extend_schema(responses=TwinShape)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_twin(find(twins_of(request.user), ident)))

    @extend_schema(request=TwinForm, responses=TwinShape)
    def patch(self, request: Any, ident: str) -> Response:
        twin = services.twin_of(request.user, ident)
        services.change_twin(twin, **checked(TwinForm, request, partial=True))
        return Response(show_twin(find(twins_of(request.user), ident)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        services.delete_twin(services.twin_of(request.user, ident))
        return Response(status=204)


# ---------------------------------------------------------------- photos


class PhotoShape(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.UUIDField()
    twin = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["checking", "accepted", "refused"])
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    box = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    hints = serializers.ListField(child=serializers.CharField())
    file_name = serializers.CharField()
    created_at = serializers.DateTimeField()


class PhotoForm(serializers.Serializer):  # type: ignore[type-arg]
    """`file`, or `photo` of one's library."""

    file = serializers.FileField(required=False, allow_empty_file=True)
    photo = serializers.UUIDField(required=False)


def show_photo(photo: Photo) -> dict[str, Any]:
    """A check that could not be made (a full disk, a lost worker) shows as refused, with the run's own code and sentence."""
    refused = photo.accepted is False or photo.status in (Status.FAILED, Status.CANCELLED)
    status = "refused" if refused else "accepted" if photo.accepted else "checking"
    code = photo.code or photo.error_code or None
    detail = (
        checks.SENTENCES.get(photo.code) or RUN_SENTENCES.get(photo.error_code) or photo.error_detail or None
    )
    return {
        "id": photo.id,
        "twin": photo.twin_id,
        "status": status,
        "code": code,
        "detail": str(detail) if detail else None,
        "width": photo.width,
        "height": photo.height,
        "box": photo.box,
        "hints": photo.hints,
        "file_name": photo.file_name,
        "created_at": photo.created_at,
    }


class PhotosView(APIView):
    parser_classes = (MultiPartParser, JSONParser)

    @extend_schema(parameters=PAGE, responses=paged(PhotoShape))
    def get(self, request: Any, ident: str) -> Response:
        rows = services.twin_of(request.user, ident).photos.all()
        return Response(page(request, rows, show_photo, order=("created_at", "id")))

    @extend_schema(parameters=KEY, request={"multipart/form-data": PhotoForm}, responses={201: PhotoShape})
    @limited("300/h", "photos")
    def post(self, request: Any, ident: str) -> Response:
        twin, form = services.twin_of(request.user, ident), checked(PhotoForm, request)
        if "photo" in form:
            library = Photo.objects.owned_by(request.user)
            photo = services.reuse_photo(twin, find(library, form["photo"]))
        elif "file" in form:
            file, key = form["file"], key_of(request.headers)
            photo = services.add_photo(twin, data=file.read(), file_name=file.name or "", key=key)
        else:
            raise MissingFile
        return Response(show_photo(photo), status=201)


def photo_of(user: Any, ident: str, photo: str) -> Photo:
    found: Photo = find(Photo.objects.owned_by(user).filter(twin=ident), photo)
    return found


class PhotoView(APIView):
    @extend_schema(responses=PhotoShape)
    def get(self, request: Any, ident: str, photo: str) -> Response:
        return Response(show_photo(photo_of(request.user, ident, photo)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str, photo: str) -> Response:
        services.delete_photo(photo_of(request.user, ident, photo))
        return Response(status=204)


class PhotoFileView(APIView):
    """The clean copy (`content`) or its small one (`thumbnail`)."""

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    def get(self, request: Any, ident: str, photo: str, rendition: str) -> Any:
        found = find(Photo.objects.owned_by(request.user).filter(twin=ident).accepted(), photo)
        name = found.clean if rendition == "content" else found.thumbnail
        return serve(
            request, store(found.user_id), name, etag=f"{found.id}-{rendition}", media_type="image/jpeg"
        )


class LibraryView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(PhotoShape))
    def get(self, request: Any) -> Response:
        return Response(page(request, Photo.objects.owned_by(request.user).accepted(), show_photo))


# ---------------------------------------------------------------- trainings


class TrainingForm(serializers.Serializer):  # type: ignore[type-arg]
    base = serializers.ChoiceField(choices=[], required=False)
    steps = serializers.IntegerField(min_value=4, max_value=4000, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    resolution = serializers.IntegerField(
        required=False, help_text="pixels of a picture's side; what the base was made for"
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["base"].choices = list(BASES)  # type: ignore[attr-defined]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        fits = BASES[attrs.get("base", settings.STUDIO_PROFILE)].resolution
        if attrs.pop("resolution", fits) != fits:
            raise serializers.ValidationError(
                {"resolution": [_("This base trains at %(pixels)s pixels.") % {"pixels": fits}]}
            )
        return attrs


class TrainingShape(RunFields):
    twin = serializers.UUIDField()
    number = serializers.IntegerField()
    base = serializers.CharField()
    seed = serializers.IntegerField()
    steps = serializers.IntegerField(allow_null=True)
    checkpoint = serializers.IntegerField(allow_null=True)
    likeness = serializers.FloatField(allow_null=True)
    likeness_base = serializers.FloatField(allow_null=True)
    likeness_real = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    samples = serializers.ListField(
        child=serializers.CharField(), help_text="addresses of pictures by this version"
    )
    active = serializers.BooleanField()


def show_training(training: Training, places: Places | None = None) -> dict[str, Any]:
    return run_fields(training, places) | {
        "twin": training.twin_id,
        "number": training.number,
        "base": training.base,
        "seed": training.seed,
        "steps": training.steps,
        "checkpoint": training.checkpoint,
        "likeness": training.likeness,
        "likeness_base": training.likeness_base,
        "likeness_real": training.likeness_real,
        "seconds": training.seconds,
        "samples": [f"/api/v1/trainings/{training.id}/samples/{n}" for n in range(training.samples)],
        "active": training.twin.active_training_id == training.id,
    }


def training_of(user: Any, ident: str) -> Training:
    found: Training = find(Training.objects.owned_by(user).select_related("twin"), ident)
    return found


class TrainingsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(TrainingShape))
    def get(self, request: Any, ident: str) -> Response:
        rows = services.twin_of(request.user, ident).trainings.select_related("twin")
        return Response(
            page(request, rows, partial(show_training, places=Places()), order=("-number", "-id"))
        )

    @extend_schema(parameters=KEY, request=TrainingForm, responses={202: TrainingShape})
    @limited("30/h", "trainings")
    def post(self, request: Any, ident: str) -> Response:
        twin = services.twin_of(request.user, ident)
        training = services.start_training(twin, **checked(TrainingForm, request), **idempotency_of(request))
        return Response(show_training(training_of(request.user, str(training.id))), status=202)


class TrainingView(APIView):
    @extend_schema(responses=TrainingShape)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_training(training_of(request.user, ident)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        services.delete_training(training_of(request.user, ident))
        return Response(status=204)


class CancelView(APIView):
    @extend_schema(request=None, responses={202: TrainingShape})
    def post(self, request: Any, ident: str) -> Response:
        training = training_of(request.user, ident)
        training.cancel()
        return Response(show_training(training_of(request.user, ident)), status=202)


class ActivateView(APIView):
    @extend_schema(request=None, responses=TrainingShape)
    def post(self, request: Any, ident: str) -> Response:
        services.activate(training_of(request.user, ident))
        return Response(show_training(training_of(request.user, ident)))


class SampleView(APIView):
    @extend_schema(responses={(200, "image/png"): bytes})
    def get(self, request: Any, ident: str, number: int) -> Any:
        training = training_of(request.user, ident)
        if number >= training.samples:
            raise NotFound
        name = training.sample(number)
        return serve(
            request, store(training.user_id), name, etag=f"{training.id}-{number}", media_type="image/png"
        )


class WeightsView(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): bytes})
    def get(self, request: Any, ident: str) -> Any:
        training = training_of(request.user, ident)
        if not training.sha256:
            raise NotFound
        return serve(
            request,
            store(training.user_id),
            training.lora,
            etag=training.sha256,
            media_type="application/octet-stream",
            download="twin.safetensors",
        )
