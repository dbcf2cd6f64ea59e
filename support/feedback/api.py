"""/feedback."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.ratelimit import limited
from config.web.serializers import checked
from support.feedback import services
from support.feedback.serializers import ProductFeedbackForm, SentSerializer


class FeedbackView(APIView):
    permission_classes = ()

    @extend_schema(request=ProductFeedbackForm, responses={201: SentSerializer})
    @limited("product-feedback")
    def post(self, request: Any) -> Response:
        """Says something about the product to the people who run it. Open to everybody."""
        user = request.user if request.user.is_authenticated else None
        sent = services.send_feedback(user, **checked(ProductFeedbackForm, request))
        return Response({"id": sent.id}, status=201)
