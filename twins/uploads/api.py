"""/twins/{id}/uploads, /uploads: photos in pieces, by the tus protocol 1.0."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.http import http_date
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from accounts.standing.services import Suspended
from billing.limits import TwinReadOnly
from config.errors import FileTooLarge, Malformed, StorageFull
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import key_of
from twins.models import Twin
from twins.services import TooManyPhotos, TwinDisabled
from twins.uploads import headers, services
from twins.uploads.headers import ALGORITHMS, EXTENSIONS, OFFSET, VERSION
from twins.uploads.models import Upload
from twins.uploads.serializers import UploadSerializer, show_upload

IN, BINARY = OpenApiParameter.HEADER, OpenApiTypes.BINARY
TUS = OpenApiParameter("Tus-Resumable", str, IN, required=True, enum=[VERSION])
LENGTH = OpenApiParameter("Upload-Length", int, IN, required=True, description="Bytes of the whole photo")
METADATA = OpenApiParameter(
    "Upload-Metadata", str, IN, description="`filename` and its value in base64, as tus describes it"
)
AT = OpenApiParameter("Upload-Offset", int, IN, required=True, description="Where this piece begins")
CHECKSUM = OpenApiParameter(
    "Upload-Checksum", str, IN, description="`sha1` or `sha256`, and the base64 of it"
)
TOLD = [
    OpenApiParameter(name, str, IN, response=[200, 201, 204])
    for name in ("Tus-Resumable", "Upload-Offset", "Upload-Expires")
]
WHERE = OpenApiParameter("Location", str, IN, response=[201], description="The address of the upload")
FULL = [Suspended, ConsentRequired, FileTooLarge, TwinDisabled, TwinReadOnly, TooManyPhotos, StorageFull]
PIECE = [
    Malformed,
    headers.VersionUnknown,
    headers.ChecksumMismatch,
    services.UploadExpired,
    services.UploadTooLong,
]


class PieceParser(BaseParser):
    media_type = OFFSET

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> bytes:
        return bytes(stream.read())


class TusView(APIView):
    parser_classes = (PieceParser,)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        told = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.MAX_UPLOAD),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status=204, headers=told)

    def get_authenticators(self) -> list[Any]:
        return [] if self._asks_for_options() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [] if self._asks_for_options() else super().get_permissions()

    def _asks_for_options(self) -> bool:
        return getattr(self, "request", None) is not None and self.request.method == "OPTIONS"

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["Tus-Resumable"] = VERSION
        return super().finalize_response(request, response, *args, **kwargs)


def piece_of(request: Any) -> bytes:
    """The bytes that this request carries. Raises UnsupportedMediaType, Malformed, ChecksumMismatch."""
    if "Transfer-Encoding" in request.headers:
        raise Malformed(_("Say in the header Content-Length how long this piece is."))
    if request.content_type != OFFSET:
        raise UnsupportedMediaType(request.content_type or "")
    data = request.data or b""
    headers.check(data, request.headers)
    return data


def told(upload: Upload) -> dict[str, str]:
    return {"Upload-Offset": str(upload.offset), "Upload-Expires": http_date(upload.expires_at.timestamp())}


class UploadsView(TusView):
    @extend_schema(parameters=PAGE, responses=paged(UploadSerializer))
    def get(self, request: Any, ident: str) -> Response:
        rows = Twin.objects.owned_by(request.user).get_or_404(ident).uploads.open()
        return Response(page(request, rows, show_upload))

    @extend_schema(
        parameters=[TUS, LENGTH, METADATA, CHECKSUM, *KEY, *TOLD, WHERE],
        request={OFFSET: BINARY},
        responses={201: UploadSerializer},
    )
    @limited("photos")
    @refuses(*FULL, *PIECE, services.TooManyUploads, services.WrongOffset)
    def post(self, request: Any, ident: str) -> Response:
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        headers.require_version(request.headers)
        length, metadata = headers.number(request.headers, "Upload-Length"), headers.metadata(request.headers)
        bare = request.headers.get("Content-Length", "") in ("", "0")
        data = b"" if bare else piece_of(request)
        upload = services.create_upload(twin, length=length, metadata=metadata, key=key_of(request.headers))
        if upload.offset == 0 and not upload.done_at and (data or not length):
            upload = services.receive(upload, offset=0, data=data)
        where = {"Location": f"/api/v1/uploads/{upload.id}"}
        return Response(show_upload(upload), status=201, headers=told(upload) | where)


class UploadView(TusView):
    """HEAD answers the headers of GET."""

    @extend_schema(parameters=TOLD, responses=UploadSerializer)
    @refuses(services.UploadExpired)
    def get(self, request: Any, ident: str) -> Response:
        upload = Upload.objects.owned_by(request.user).get_or_404(ident)
        if request.method == "HEAD":
            headers.require_version(request.headers)
        services.require_alive(upload)
        more = {"Upload-Length": str(upload.length)}
        if upload.metadata:
            more["Upload-Metadata"] = upload.metadata
        return Response(show_upload(upload), headers=told(upload) | more)

    @extend_schema(parameters=[TUS, AT, CHECKSUM, *TOLD], request={OFFSET: BINARY}, responses={204: None})
    @limited("pieces")
    @refuses(*FULL, *PIECE, services.WrongOffset)
    def patch(self, request: Any, ident: str) -> Response:
        upload = Upload.objects.owned_by(request.user).select_related("twin", "user").get_or_404(ident)
        headers.require_version(request.headers)
        data, offset = piece_of(request), headers.number(request.headers, "Upload-Offset")
        upload = services.receive(upload, offset=offset, data=data)
        return Response(status=204, headers=told(upload))

    @extend_schema(parameters=[TUS], request=None, responses={204: None})
    @refuses(headers.VersionUnknown)
    def delete(self, request: Any, ident: str) -> Response:
        upload = Upload.objects.owned_by(request.user).get_or_404(ident)
        headers.require_version(request.headers)
        services.end_upload(upload)
        return Response(status=204)
