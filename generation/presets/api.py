"""/presets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked
from generation.presets import services
from generation.presets.models import StudioPreset
from generation.presets.serializers import PresetForm, StudioPresetSerializer, show_preset


class PresetsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(StudioPresetSerializer))
    def get(self, request: Any) -> Response:
        return Response(page(request, StudioPreset.objects.owned_by(request.user), show_preset))

    @extend_schema(request=PresetForm, responses={201: StudioPresetSerializer})
    @limited("presets")
    @refuses(services.PresetLimit)
    def post(self, request: Any) -> Response:
        return Response(show_preset(services.save(request.user, **checked(PresetForm, request))), status=201)


class PresetView(APIView):
    @extend_schema(responses=StudioPresetSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(show_preset(StudioPreset.objects.owned_by(request.user).get_or_404(ident)))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Any, ident: str) -> Response:
        StudioPreset.objects.owned_by(request.user).get_or_404(ident).delete()
        return Response(status=204)
