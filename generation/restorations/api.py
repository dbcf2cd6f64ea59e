"""/restorations."""

from __future__ import annotations

from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from accounts.emails import EmailUnconfirmed
from accounts.standing.services import Suspended
from accounts.vault.vault import store
from billing.ledger import NotEnoughCredits, PaymentDue
from billing.limits import JobLimit, TwinReadOnly
from config.errors import FileTooLarge, Invalid, MissingFile, NotFound, StorageFull
from config.runs.places import Places
from config.web.files import serve
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import checked, key_of
from gallery.serializers import DeletedSerializer
from generation import albums
from generation.restorations import services
from generation.restorations.models import Restoration
from generation.restorations.serializers import (
    ChangeForm,
    DeleteRestorationsForm,
    RestorationForm,
    RestorationSerializer,
    show_restoration,
)
from moderation.policy import PictureBlocked
from twins.models import Twin
from twins.services import TwinDisabled

ENCODING = [
    OpenApiParameter("encoding", str, enum=["base64"], description="base64: the result's bytes come inline")
]
REFUSALS = (
    ConsentRequired,
    TwinDisabled,
    TwinReadOnly,
    FileTooLarge,
    services.PictureRefused,
    JobLimit,
    NotEnoughCredits,
    PaymentDue,
    EmailUnconfirmed,
    Suspended,
    PictureBlocked,
    StorageFull,
    NotFound,
)


def is_inline(request: Any) -> bool:
    """Raises Invalid for an unknown encoding."""
    field = serializers.ChoiceField(choices=["base64"], allow_blank=True)
    try:
        return bool(field.run_validation(request.GET.get("encoding", "")))
    except serializers.ValidationError as e:
        raise Invalid(errors={"encoding": [str(text) for text in e.detail]}) from None


class RestorationsView(APIView):
    parser_classes = (MultiPartParser, JSONParser)

    @extend_schema(parameters=PAGE, responses=paged(RestorationSerializer))
    def get(self, request: Any) -> Response:
        rows = Restoration.objects.owned_by(request.user).for_clients()
        return Response(page(request, rows, partial(show_restoration, places=Places())))

    @extend_schema(
        parameters=[*KEY, *ENCODING],
        request={"multipart/form-data": RestorationForm},
        responses={202: RestorationSerializer},
    )
    @limited("restorations")
    @refuses(*REFUSALS)
    def post(self, request: Any) -> Response:
        inline, form = is_inline(request), checked(RestorationForm, request)
        file, twin, album = (form.pop(name, None) for name in ("image", "twin", "album"))
        if file is None:
            raise MissingFile
        row = services.request_restoration(
            request.user,
            data=file.read(),
            twin=Twin.objects.owned_by(request.user).get_or_404(twin) if twin else None,
            album=albums.own(request.user, album),
            key=key_of(request.headers),
            **form,
        )
        return Response(show_restoration(row, inline=inline), status=202)


class RestorationView(APIView):
    @extend_schema(parameters=ENCODING, responses=RestorationSerializer)
    def get(self, request: Any, ident: str) -> Response:
        inline, own = is_inline(request), Restoration.objects.owned_by(request.user)
        return Response(show_restoration(own.for_clients().get_or_404(ident), inline=inline))

    @extend_schema(request=ChangeForm, responses=RestorationSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        form = checked(ChangeForm, request)
        row = Restoration.objects.owned_by(request.user).for_clients().get_or_404(ident)
        return Response(show_restoration(services.change(row, **form)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        own = Restoration.objects.owned_by(request.user)
        own.filter(id=own.get_or_404(ident).id).remove()
        return Response(status=204)


class RestorationFileView(APIView):
    """The picture that was sent (`original`), as it is kept, or its `thumbnail`."""

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    def get(self, request: Any, ident: str, rendition: str) -> Any:
        row = Restoration.objects.owned_by(request.user).get_or_404(ident)
        small = rendition == "thumbnail"
        name = row.thumbnail if small else row.original
        return serve(
            request,
            store(row.user_id),
            name,
            etag=f"{row.id}-{rendition}",
            media_type="image/webp" if small else "image/jpeg",
        )


class MilderView(APIView):
    """The same picture again, nearer to the original, at no price, where the result was flagged."""

    @extend_schema(request=None, responses={202: RestorationSerializer})
    @limited("milder")
    @refuses(services.NothingMilder, JobLimit, EmailUnconfirmed, Suspended)
    def post(self, request: Any, ident: str) -> Response:
        row = Restoration.objects.owned_by(request.user).get_or_404(ident)
        return Response(show_restoration(services.request_milder(row)), status=202)


class DeleteView(APIView):
    @extend_schema(request=DeleteRestorationsForm, responses=DeletedSerializer)
    @limited("delete")
    def post(self, request: Any) -> Response:
        form = checked(DeleteRestorationsForm, request)
        services.require_ids_or_all(form.get("ids"), form["all"])
        ids = None if form["all"] else form["ids"]
        return Response({"deleted": services.remove(request.user, ids=ids)})
