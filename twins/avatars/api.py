"""/twins/{id}/avatar, /trainings/{id}/avatar: the avatar before a training, and that of a training."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from billing.limits import TwinReadOnly
from config.errors import Invalid, NotFound
from config.web.ratelimit import limited
from config.web.schema import refuses
from ml.avatar.avatar import CHOICES, from_facts
from twins.avatars import fitting, services
from twins.avatars.drawing import serve_drawing
from twins.avatars.serializers import AvatarForm, AvatarSerializer, show_avatar
from twins.models import Training, Twin
from twins.services import NotEnoughPhotos, TrainingInProgress, TwinDisabled

CORRECTIONS = [
    *(OpenApiParameter(name, str, enum=list(CHOICES[name][0])) for name in CHOICES),
    OpenApiParameter("skin", float, description="0 fair to 1 dark"),
]


class AvatarView(APIView):
    @extend_schema(responses=AvatarSerializer)
    def get(self, request: Any, ident: str) -> Response:
        """How the built-in engine will draw the person on the photos. It is fitted by itself once there are
        enough of them; ask again while `status` is `fitting`."""
        return Response(show_avatar(Twin.objects.owned_by(request.user).get_or_404(ident)))

    @extend_schema(request=None, responses={202: AvatarSerializer})
    @limited("avatars")
    @refuses(
        ConsentRequired,
        TwinDisabled,
        TwinReadOnly,
        NotEnoughPhotos,
        TrainingInProgress,
        services.AvatarNotNeeded,
    )
    def post(self, request: Any, ident: str) -> Response:
        """Has it drawn, or drawn anew. Corrections stay."""
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        services.draw(twin)
        return Response(show_avatar(twin), status=202)

    @extend_schema(request=AvatarForm, responses=AvatarSerializer)
    @limited("corrections")
    @refuses(
        ConsentRequired,
        TwinDisabled,
        TwinReadOnly,
        TrainingInProgress,
        services.AvatarNotReady,
        *services.REFUSALS,
    )
    def patch(self, request: Any, ident: str) -> Response:
        """Corrects traits by hand, before a training. The next training draws what this answers."""
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        if not isinstance(request.data, dict):
            raise Invalid
        services.correct(twin, {str(name): value for name, value in request.data.items()})
        return Response(show_avatar(twin))


class AvatarPictureView(APIView):
    """A drawing of the avatar."""

    @extend_schema(parameters=CORRECTIONS, responses={(200, "image/jpeg"): bytes})
    @limited("drawings")
    @refuses(*services.REFUSALS)
    def get(self, request: Any, ident: str) -> Any:
        """With traits in the query it shows how they would look, and keeps nothing."""
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        avatar = fitting.newest(twin)
        if avatar is None or not avatar.is_ready:
            raise NotFound
        changes = {name: request.GET[name] for name in services.TRAITS if name in request.GET}
        return serve_drawing(request, services.redrawn(avatar.drawn(), services.typed(changes)))


class TrainingAvatarView(APIView):
    """A drawing of the avatar that a training draws."""

    @extend_schema(responses={(200, "image/jpeg"): bytes})
    @limited("drawings")
    def get(self, request: Any, ident: str) -> Any:
        training = Training.objects.owned_by(request.user).get_or_404(ident)
        facts = training.avatar_facts()
        if facts is None:
            raise NotFound
        return serve_drawing(request, from_facts(facts))
