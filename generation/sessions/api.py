"""/sessions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.ledger import NotEnoughCredits, PaymentDue
from billing.limits import JobLimit
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import KEY, PAGE, paged, refuses
from config.web.serializers import checked, idempotency_of
from generation.packs.prompts import PackUnfit
from generation.packs.services import PackGone, PresetGone
from generation.sessions import services
from generation.sessions.models import Session
from generation.sessions.serializers import (
    SessionChangeForm,
    SessionDeletedSerializer,
    SessionForm,
    SessionRepeatForm,
    SessionSerializer,
    show_session,
)
from twins.models import Twin


def _read(ident: Any) -> dict[str, Any]:
    return show_session(Session.objects.for_clients().get(id=ident))


class SessionsView(APIView):
    @extend_schema(parameters=PAGE, responses=paged(SessionSerializer))
    def get(self, request: Any) -> Response:
        return Response(page(request, Session.objects.owned_by(request.user).for_clients(), show_session))

    @extend_schema(request=SessionForm, responses={201: SessionSerializer})
    @limited("sessions")
    def post(self, request: Any) -> Response:
        session = services.create(request.user, **checked(SessionForm, request))
        return Response(_read(session.id), status=201)


class SessionView(APIView):
    @extend_schema(responses=SessionSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(_read(Session.objects.owned_by(request.user).get_or_404(ident).id))

    @extend_schema(request=SessionChangeForm, responses=SessionSerializer)
    def patch(self, request: Any, ident: str) -> Response:
        session, form = (
            Session.objects.owned_by(request.user).get_or_404(ident),
            checked(SessionChangeForm, request),
        )
        with transaction.atomic():
            if "name" in form:
                services.rename(session, name=form["name"])
            services.change(session, add=form.get("add", {}), remove=form.get("remove", {}))
        return Response(_read(session.id))

    @extend_schema(
        parameters=[OpenApiParameter("pictures", bool, description="also its pictures; else they stay")],
        request=None,
        responses={200: SessionDeletedSerializer},
    )
    def delete(self, request: Any, ident: str) -> Response:
        session = Session.objects.owned_by(request.user).get_or_404(ident)
        pictures = request.GET.get("pictures", "").lower() in ("1", "true")
        return Response({"pictures": services.delete(session, pictures=pictures)})


class SessionRepeatView(APIView):
    @extend_schema(parameters=KEY, request=SessionRepeatForm, responses={202: SessionSerializer})
    @limited("sessions_repeat")
    @refuses(
        services.NothingToRepeat, PackGone, PresetGone, PackUnfit, JobLimit, NotEnoughCredits, PaymentDue
    )
    def post(self, request: Any, ident: str) -> Response:
        session, form = (
            Session.objects.owned_by(request.user).get_or_404(ident),
            checked(SessionRepeatForm, request),
        )
        twin = Twin.objects.owned_by(request.user).get_or_404(form["twin"]) if "twin" in form else None
        again = services.repeat(session, twin=twin, **idempotency_of(request))
        return Response(_read(again.id), status=202)
