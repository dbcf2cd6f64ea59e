"""/twins, /photos, /trainings."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from accounts.emails import EmailUnconfirmed
from accounts.standing.services import Suspended
from accounts.vault.vault import store
from billing.engines import offers
from billing.engines.offers import EngineGone, PlanRequired
from billing.ledger import NotEnoughCredits, PaymentDue
from billing.limits import JobLimit, TwinLimit, TwinReadOnly
from config.errors import AlreadyFinished, MissingFile, NotFound, StorageFull
from config.runs.places import Places
from config.web.files import serve
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import checked, idempotency_of, key_of
from twins import services
from twins.models import Photo, Training, Twin
from twins.proof.validity import VerificationRequired
from twins.serializers import (
    PhotoForm,
    PhotoSerializer,
    TrainingForm,
    TrainingSerializer,
    TwinForm,
    TwinSerializer,
    show_photo,
    show_training,
    show_twin,
)


class TwinsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(TwinSerializer))
    def get(self, request: Any) -> Response:
        return Response(page(request, Twin.objects.owned_by(request.user).for_clients(), show_twin))

    @extend_schema(request=TwinForm, responses={201: TwinSerializer})
    @limited("twins")
    @refuses(TwinLimit)
    def post(self, request: Any) -> Response:
        twin = services.create_twin(request.user, **checked(TwinForm, request))
        return Response(show_twin(Twin.objects.for_clients().get_or_404(twin.id)), status=201)


class TwinView(APIView):
    @extend_schema(responses=TwinSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_twin(Twin.objects.owned_by(request.user).for_clients().get_or_404(ident)))

    @extend_schema(request=TwinForm, responses=TwinSerializer)
    @refuses(TwinReadOnly)
    def patch(self, request: Any, ident: str) -> Response:
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        services.change_twin(twin, **checked(TwinForm, request, partial=True))
        return Response(show_twin(Twin.objects.for_clients().get_or_404(twin.id)))

    @extend_schema(request=None, responses={204: None})
    @refuses(services.TrainingInProgress)
    def delete(self, request: Any, ident: str) -> Response:
        services.delete_twin(Twin.objects.owned_by(request.user).get_or_404(ident))
        return Response(status=204)


# ---------------------------------------------------------------- photos


class PhotosView(APIView):
    parser_classes = (MultiPartParser, JSONParser)

    @extend_schema(parameters=PAGE, responses=paged(PhotoSerializer))
    def get(self, request: Any, ident: str) -> Response:
        rows = Twin.objects.owned_by(request.user).get_or_404(ident).photos.shown()
        return Response(page(request, rows, show_photo, order=("created_at", "id")))

    @extend_schema(
        parameters=KEY, request={"multipart/form-data": PhotoForm}, responses={201: PhotoSerializer}
    )
    @limited("photos")
    @refuses(
        Suspended, ConsentRequired, services.TwinDisabled, TwinReadOnly, services.TooManyPhotos, StorageFull
    )
    def post(self, request: Any, ident: str) -> Response:
        twin, form = Twin.objects.owned_by(request.user).get_or_404(ident), checked(PhotoForm, request)
        if "photo" in form:
            again = Photo.objects.owned_by(request.user).get_or_404(form["photo"])
            photo = services.reuse_photo(twin, again)
        elif "file" in form:
            file, key = form["file"], key_of(request.headers)
            photo = services.add_photo(twin, data=file.read(), file_name=file.name or "", key=key)
        else:
            raise MissingFile
        return Response(show_photo(photo), status=201)


class PhotoView(APIView):
    @extend_schema(responses=PhotoSerializer)
    def get(self, request: Any, ident: str, photo: str) -> Response:
        return Response(show_photo(Photo.objects.owned_by(request.user).filter(twin=ident).get_or_404(photo)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str, photo: str) -> Response:
        services.delete_photo(Photo.objects.owned_by(request.user).filter(twin=ident).get_or_404(photo))
        return Response(status=204)


class PhotoFileView(APIView):
    """The clean copy (`content`) or its thumbnail (`thumbnail`)."""

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    def get(self, request: Any, ident: str, photo: str, rendition: str) -> Any:
        found = Photo.objects.owned_by(request.user).filter(twin=ident).accepted().get_or_404(photo)
        name = found.clean if rendition == "content" else found.thumbnail
        return serve(
            request, store(found.user_id), name, etag=f"{found.id}-{rendition}", media_type="image/jpeg"
        )


class LibraryView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(PhotoSerializer))
    def get(self, request: Any) -> Response:
        return Response(page(request, Photo.objects.owned_by(request.user).shown().accepted(), show_photo))


# ---------------------------------------------------------------- trainings

TRAINING_REFUSALS = (
    ConsentRequired,
    PlanRequired,
    VerificationRequired,
    services.TwinDisabled,
    TwinReadOnly,
    services.TrainingInProgress,
    services.NotEnoughPhotos,
    JobLimit,
    NotEnoughCredits,
    PaymentDue,
    EmailUnconfirmed,
    Suspended,
)


class TrainingsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(TrainingSerializer))
    def get(self, request: Any, ident: str) -> Response:
        rows = Twin.objects.owned_by(request.user).get_or_404(ident).trainings.shown().with_twin()
        show = partial(show_training, places=Places(), usable=offers.usable(request.user))
        return Response(page(request, rows, show, order=("-number", "-id")))

    @extend_schema(parameters=KEY, request=TrainingForm, responses={202: TrainingSerializer})
    @limited("trainings")
    @refuses(*TRAINING_REFUSALS)
    def post(self, request: Any, ident: str) -> Response:
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        form = checked(TrainingForm, request, context={"user": request.user})
        training = services.start_training(twin, **form, **idempotency_of(request))
        return Response(show_training(training), status=202)


class TrainingView(APIView):
    @extend_schema(responses=TrainingSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_training(Training.objects.owned_by(request.user).with_twin().get_or_404(ident)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        services.delete_training(Training.objects.owned_by(request.user).with_twin().get_or_404(ident))
        return Response(status=204)


class CancelView(APIView):
    @extend_schema(request=None, responses={202: TrainingSerializer})
    @refuses(AlreadyFinished)
    def post(self, request: Any, ident: str) -> Response:
        training = Training.objects.owned_by(request.user).with_twin().get_or_404(ident)
        training.cancel()
        return Response(show_training(training), status=202)


class ActivateView(APIView):
    @extend_schema(request=None, responses=TrainingSerializer)
    @refuses(TwinReadOnly, services.TwinDisabled, services.NotTrained, EngineGone)
    def post(self, request: Any, ident: str) -> Response:
        own = Training.objects.owned_by(request.user).with_twin()
        services.activate(own.get_or_404(ident))
        return Response(show_training(own.get_or_404(ident)))


class SampleView(APIView):
    @extend_schema(responses={(200, "image/png"): bytes})
    @refuses(services.TwinDisabled)
    def get(self, request: Any, ident: str, number: int) -> Any:
        training = Training.objects.owned_by(request.user).with_twin().get_or_404(ident)
        services.require_enabled(training.twin)
        if number >= training.samples:
            raise NotFound
        name, when = training.sample(number), "-so-far" if training.is_open else ""
        etag = f"{training.id}-{number}{when}"  # those of its checkpoints give way to the final ones
        return serve(request, store(training.user_id), name, etag=etag, media_type="image/png")


class WeightsView(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): bytes})
    @refuses(services.TwinDisabled)
    def get(self, request: Any, ident: str) -> Any:
        training = Training.objects.owned_by(request.user).with_twin().get_or_404(ident)
        return serve(
            request,
            store(training.user_id),
            services.weights_of(training),
            etag=training.sha256,
            media_type="application/octet-stream",
            download=training.download_name,
        )
