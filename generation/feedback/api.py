"""/items/{id}/feedback."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.ratelimit import limited
from config.web.schema import refuses
from config.web.serializers import checked
from gallery.models import Item
from generation.feedback import services
from twins.redo.serializers import RedoSerializer, show_redo


class FeedbackForm(serializers.Serializer):  # type: ignore[type-arg]
    not_me = serializers.BooleanField(help_text="true: the picture does not show me; false takes that back")


class FeedbackSerializer(serializers.Serializer):  # type: ignore[type-arg]
    not_me = serializers.BooleanField()
    redo = RedoSerializer()


class FeedbackView(APIView):
    @extend_schema(request=FeedbackForm, responses=FeedbackSerializer)
    @limited("600/h", "feedback")
    @refuses(services.NotOfTwin)
    def post(self, request: Any, ident: str) -> Response:
        item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
        not_me = checked(FeedbackForm, request)["not_me"]
        return Response({"not_me": not_me, "redo": show_redo(services.say(item, not_me=not_me))})
