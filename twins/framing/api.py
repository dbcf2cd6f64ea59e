"""/twins/{id}/framing: hints while the camera is on."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from config.errors import FileTooLarge, Unavailable
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from twins.framing import services
from twins.framing.sentences import SENTENCES
from twins.models import Twin
from twins.services import TwinDisabled


class FrameForm(serializers.Serializer):  # type: ignore[type-arg]
    frame = serializers.FileField(help_text="a small JPEG, PNG or WebP of what the camera sees, of 640 px")
    width = serializers.IntegerField(
        min_value=64, max_value=20_000, help_text="px of the photo that would be taken"
    )


class FramingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.ChoiceField(choices=list(SENTENCES), help_text='"" when the photo can be taken')
    detail = serializers.CharField()


class FramingView(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": FrameForm}, responses=FramingSerializer)
    @limited("framing")
    @refuses(ConsentRequired, TwinDisabled, FileTooLarge, Unavailable)
    def post(self, request: Any, ident: str) -> Response:
        """What the check of a photo would find first, told from a small frame. The frame is not kept."""
        twin, form = Twin.objects.owned_by(request.user).get_or_404(ident), checked(FrameForm, request)
        code = services.look(twin, frame=form["frame"].read(), width=form["width"])
        return Response({"code": code, "detail": str(SENTENCES[code])})
