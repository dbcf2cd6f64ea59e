"""/items/{id}/feedback."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from gallery.models import Item
from generation.feedback import services
from generation.feedback.serializers import FeedbackForm, FeedbackSerializer, show_feedback


class FeedbackView(APIView):
    @extend_schema(responses=FeedbackSerializer)
    def get(self, request: Any, ident: str) -> Response:
        return Response(_shown(_item(request, ident)))

    @extend_schema(request=FeedbackForm, responses=FeedbackSerializer)
    @limited("feedback")
    @refuses(services.NotOfTwin)
    def post(self, request: Any, ident: str) -> Response:
        """Says "not me", or rates the picture; what is not sent stays as it is."""
        item = _item(request, ident)
        services.say(item, **checked(FeedbackForm, request))
        return Response(_shown(item))


def _item(request: Any, ident: str) -> Item:
    item: Item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
    return item


def _shown(item: Item) -> dict[str, Any]:
    return show_feedback(*services.said_of(item))
