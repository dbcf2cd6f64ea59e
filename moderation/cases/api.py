"""/reports, /takedowns and appeals. All but the appeal need no account."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import NotFound
from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from moderation.cases import deciding, services
from moderation.cases.forms import (
    AppealForm,
    CaseSerializer,
    FiledSerializer,
    LookUpForm,
    ReportForm,
    TakedownForm,
    TakedownSerializer,
)
from moderation.cases.models import Decision
from moderation.cases.senders import file_takedown, sender_of
from moderation.cases.shown import show_case, show_takedown


class ReportsView(APIView):
    permission_classes = ()

    @extend_schema(
        request=ReportForm,
        responses={
            201: CaseSerializer,
            200: OpenApiResponse(CaseSerializer, description="You reported it before"),
        },
    )
    @refuses(NotFound)
    @limited("reports")
    def post(self, request: Any) -> Response:
        """Reports something shared or public. Who reports it again gets the number of the first report."""
        form = checked(ReportForm, request)
        filed = services.report(
            sender_of(request, form.get("contact", "")),
            kind=form["subject"]["kind"],
            ident=form["subject"]["id"],
            reason=form["reason"],
            text=form["text"],
        )
        return Response(show_case(filed.case), status=201 if filed.new else 200)


class TakedownsView(APIView):
    permission_classes = ()
    parser_classes = (MultiPartParser, FormParser, JSONParser)

    @extend_schema(
        request={"multipart/form-data": TakedownForm, "application/json": TakedownForm},
        responses={
            201: FiledSerializer,
            200: OpenApiResponse(FiledSerializer, description="You sent the same before"),
        },
    )
    @limited("takedowns")
    def post(self, request: Any) -> Response:
        """A takedown notice: an address, a description or the picture; decided within 48 hours.

        What names nothing that is here gets a number too."""
        form = checked(TakedownForm, request)
        filed = file_takedown(sender_of(request, form["contact"]), form)
        shown = show_case(filed.case) | {"due_at": filed.case.due_at, "secret": filed.secret}
        return Response(shown, status=201 if filed.new else 200)


class TakedownView(APIView):
    permission_classes = ()

    @extend_schema(
        responses=TakedownSerializer,
        parameters=[
            OpenApiParameter("secret", str, description="What POST /takedowns answered"),
            OpenApiParameter("contact", str, description="Or the contact address of the notice"),
        ],
    )
    @limited("takedown_status")
    def get(self, request: Any, number: str) -> Response:
        """How far a takedown is. Without its secret or its contact address there is nothing to see."""
        form = LookUpForm(data=request.query_params)
        form.is_valid(raise_exception=True)
        return Response(show_takedown(services.takedown_of(number, **form.validated_data)))


class AppealView(APIView):
    @extend_schema(request=AppealForm, responses={201: CaseSerializer})
    @refuses(*deciding.APPEAL_REFUSALS)
    @limited("appeals")
    def post(self, request: Any, ident: str) -> Response:
        """Has a decision looked at once more, within 30 days: by the owner of what it is about, or by who
        reported it."""
        decision = Decision.objects.owned_by(request.user).get_or_404(ident)
        text = checked(AppealForm, request)["text"]
        made = deciding.appeal(decision, user=request.user, text=text)
        made.decision.case.refresh_from_db()
        return Response(show_case(made.decision.case), status=201)
