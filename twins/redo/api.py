"""/twins/{id}/redo."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from billing.engines.offers import EngineGone
from billing.limits import TwinReadOnly
from config.web.ratelimit import limited
from config.web.schema import KEY, refuses
from config.web.serializers import idempotency_of
from twins.models import Twin
from twins.proof.validity import VerificationRequired
from twins.redo import services
from twins.redo.serializers import RedoSerializer, show_redo
from twins.serializers import TrainingSerializer, show_training
from twins.services import NotEnoughPhotos, TrainingInProgress, TwinDisabled


class RedoView(APIView):
    @extend_schema(responses=RedoSerializer)
    def get(self, request: Any, ident: str) -> Response:
        """Whether a twin may be trained again for nothing, and what to change about its photos."""
        return Response(show_redo(services.offer(Twin.objects.owned_by(request.user).get_or_404(ident))))

    @extend_schema(parameters=KEY, request=None, responses={202: TrainingSerializer})
    @limited("trainings")
    @refuses(
        services.RedoNotOffered,
        services.RedoUsed,
        ConsentRequired,
        VerificationRequired,
        EngineGone,
        NotEnoughPhotos,
        TrainingInProgress,
        TwinDisabled,
        TwinReadOnly,
    )
    def post(self, request: Any, ident: str) -> Response:
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        training = services.retrain(twin, **idempotency_of(request))
        return Response(show_training(training), status=202)
