"""/me/standing: one's strikes and suspension, and the appeal against it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import RateLimited
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from moderation.standing import suspending
from moderation.standing.serializers import StandingSerializer, SuspensionAppealForm
from moderation.standing.shown import show_standing


class StandingView(APIView):
    @extend_schema(responses=StandingSerializer)
    def get(self, request: Any) -> Response:
        """Whether the account is suspended, why and until when, and the strikes that count."""
        return Response(show_standing(request.user))


class StandingAppealView(APIView):
    @extend_schema(request=SuspensionAppealForm, responses={201: StandingSerializer})
    @refuses(suspending.NotSuspended, suspending.AppealedBefore, RateLimited)
    @limited("appeals")
    def post(self, request: Any) -> Response:
        """Has the suspension looked at by a person, once."""
        suspending.appeal(request.user, text=checked(SuspensionAppealForm, request)["text"])
        return Response(show_standing(request.user), status=201)
