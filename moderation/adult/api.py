"""/me/age: the proof of age that adult content needs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.standing.services import Suspended
from config.errors import NotFound, RateLimited
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from moderation.adult import forms, services
from moderation.adult.rules import AdultOff
from moderation.adult.serializers import AgeForm, AgeSerializer, BegunSerializer
from moderation.adult.shown import show_age


class AgeView(APIView):
    parser_classes = (MultiPartParser, FormParser, JSONParser)

    @extend_schema(responses=AgeSerializer)
    def get(self, request: Any) -> Response:
        """Whether the operator allows adult content, and how far one's proof of age is."""
        return Response(show_age(request.user))

    @extend_schema(request={"multipart/form-data": AgeForm}, responses={201: BegunSerializer})
    @refuses(AdultOff, Suspended, services.AgeCheckOpen, services.DocumentUnreadable, RateLimited)
    @limited("ages")
    def post(self, request: Any) -> Response:
        """Asks for a proof of age: with a picture of a document, or at the operator's provider."""
        _check, where = forms.begin(request.user, checked(AgeForm, request))
        return Response(show_age(request.user) | {"where": where}, status=201)

    @extend_schema(request=None, responses={204: None})
    @refuses(NotFound)
    def delete(self, request: Any) -> Response:
        """Takes the proof or the request back; a document is deleted."""
        services.withdraw(request.user)
        return Response(status=204)
