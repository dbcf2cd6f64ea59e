"""/twins/{id}/verification."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.consents import ConsentRequired
from config.errors import RateLimited, StorageFull
from config.web.authentication import session_of
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from twins.models import Twin
from twins.proof import services
from twins.proof.frames import read_form
from twins.proof.serializers import ChallengeForm, SelfieForm, VerificationSerializer, show_verification
from twins.services import NotEnoughPhotos, TwinDisabled

REFUSALS = (ConsentRequired, services.ByLinkOnly, TwinDisabled, NotEnoughPhotos)


class VerificationView(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(responses=VerificationSerializer)
    @refuses(*REFUSALS, RateLimited)
    def get(self, request: Any, ident: str) -> Response:
        """How far the verification is, with new movements to make, unless a selfie is being looked at or the
        twin is verified. New movements end those that this session got before."""
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        shown = show_verification(twin)
        if shown["status"] in ("pending", "review", "verified"):
            return Response(shown)
        return _draw(request, twin)

    @extend_schema(request={"multipart/form-data": SelfieForm}, responses={202: VerificationSerializer})
    @limited("selfies")
    @refuses(
        *REFUSALS, services.ChallengeExpired, services.ChallengeUsed, services.SelfieInProgress, StorageFull
    )
    def post(self, request: Any, ident: str) -> Response:
        """The frames of one challenge, within two minutes, by the session that asked for it. Then ask with
        GET until `status` is not `pending`."""
        twin = Twin.objects.owned_by(request.user).get_or_404(ident)
        asked, frames = checked(ChallengeForm, request)["challenge"], read_form(request.FILES)
        services.take_selfie(twin, challenge=asked, session=session_of(request), movements=frames)
        return Response(show_verification(twin), status=202)


@limited("challenges")
def _draw(request: Any, twin: Twin) -> Response:
    challenge = services.draw_challenge(twin, session=session_of(request))
    return Response(show_verification(twin, challenge))
