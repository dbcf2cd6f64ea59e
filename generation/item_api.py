"""/items/{id}/repairs, /enlargements, /similar: jobs that begin from a picture of the gallery."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.ledger import NotEnoughCredits, PaymentDue
from config.web.ratelimit import limited
from config.web.schema import KEY, refuses
from config.web.serializers import checked, idempotency_of
from gallery.models import Item
from generation import api, references, repairs
from generation.serializers import EnlargeForm, JobSerializer, RepairForm, SimilarForm, show_job

BEGUN = (references.ReferenceNotAllowed, references.EngineWithoutReference)
MASK = (references.MaskUnreadable, references.MaskWrongSize, references.MaskEmpty)


class RepairsView(APIView):
    """Paints a part of a picture again, with its twin. The other pixels stay as they are."""

    @extend_schema(parameters=KEY, request=RepairForm, responses={202: JobSerializer})
    @limited("generations")
    @refuses(*api.REFUSALS, *BEGUN, *MASK)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        job = repairs.request_repair(item, **checked(RepairForm, request), **idempotency_of(request))
        return Response(show_job(job), status=202)


class EnlargementsView(APIView):
    """Makes a picture of print size."""

    @extend_schema(parameters=KEY, request=EnlargeForm, responses={202: JobSerializer})
    @limited("generations")
    @refuses(references.ReferenceNotAllowed, references.PrintTooLarge, NotEnoughCredits, PaymentDue)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        job = repairs.request_enlarged(item, **checked(EnlargeForm, request), **idempotency_of(request))
        return Response(show_job(job), status=202)


class SimilarView(APIView):
    """More like this: the same recipe with the seeds that follow."""

    @extend_schema(parameters=KEY, request=SimilarForm, responses={202: JobSerializer})
    @limited("generations")
    @refuses(*api.REFUSALS, *BEGUN)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).get_or_404(ident)
        job = repairs.request_similar(item, **checked(SimilarForm, request), **idempotency_of(request))
        return Response(show_job(job), status=202)
