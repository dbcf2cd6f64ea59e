"""/me/limits"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits.services import limits_of
from config.web.ratelimit import network


class LimitSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField()
    title = serializers.CharField()
    by = serializers.ChoiceField(choices=("user", "key", "phone", "address"))
    of = serializers.CharField(help_text="the name of the API key, where it is about one")
    limit = serializers.IntegerField()
    seconds = serializers.IntegerField(help_text="the time in which the limit counts")
    used = serializers.IntegerField()
    left = serializers.IntegerField()
    resets_in = serializers.IntegerField(allow_null=True, help_text="seconds; null where nothing is used")


class LimitsView(APIView):
    @extend_schema(responses=LimitSerializer(many=True))
    def get(self, request: Any) -> Response:
        """One's limits, the most used first: what is used of each, and what is left. `address` counts all who
        share one's network."""
        found = limits_of(request.user, network=network(request))
        return Response(LimitSerializer(found, many=True).data)
