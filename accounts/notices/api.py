"""/notifications and /push-subscriptions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.notices import services, subscriptions
from accounts.notices.serializers import (
    BrowserForm,
    BrowserSerializer,
    BrowsersSerializer,
    EndpointForm,
    NoticeSerializer,
    ReadForm,
    UnreadSerializer,
    show_notice,
    show_subscription,
    show_subscriptions,
)
from config.errors import NotFound
from config.web.authentication import session_of
from config.web.pagination import page
from config.web.ratelimit import limited
from config.web.schema import PAGE, paged, refuses
from config.web.serializers import checked

UNREAD = OpenApiParameter("unread", bool, description="only those that are unread")


class NotificationsView(APIView):
    """What happened, newest first, for 90 days."""

    @extend_schema(parameters=[*PAGE, UNREAD], responses=paged(NoticeSerializer))
    def get(self, request: Any) -> Response:
        found = services.notices_of(request.user)
        if request.GET.get("unread", "").lower() in ("1", "true"):
            found = found.unread()
        return Response(page(request, found, show_notice))


class ReadView(APIView):
    """Marks notices as read on every device. Ids that are none of the user's notices change nothing."""

    @extend_schema(request=ReadForm, responses=UnreadSerializer)
    def post(self, request: Any) -> Response:
        return Response({"unread": services.mark_read(request.user, **checked(ReadForm, request))})


class PushSubscriptionsView(APIView):
    """The browsers that show notices as push messages (RFC 8030)."""

    @extend_schema(responses=BrowsersSerializer)
    def get(self, request: Any) -> Response:
        return Response(show_subscriptions(request.user))

    @extend_schema(request=BrowserForm, responses={201: BrowserSerializer})
    @limited("push_subscriptions")
    @refuses(subscriptions.PushOff, subscriptions.PushServiceUnknown)
    def post(self, request: Any) -> Response:
        form, device = checked(BrowserForm, request), request.headers.get("User-Agent", "")
        here = {"device": device, "session": session_of(request)}
        row = subscriptions.subscribe(request.user, endpoint=form["endpoint"], **form["keys"], **here)
        return Response(show_subscription(row), status=201)

    @extend_schema(request=EndpointForm, responses={204: None})
    @refuses(NotFound)
    def delete(self, request: Any) -> Response:
        subscriptions.unsubscribe(request.user, **checked(EndpointForm, request))
        return Response(status=204)
