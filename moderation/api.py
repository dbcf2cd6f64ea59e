"""/verify: whether this installation made a file. Open to everybody."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import MissingFile
from config.web.ratelimit import limited
from ml import provenance


class VerifyForm(serializers.Serializer):  # type: ignore[type-arg]
    file = serializers.FileField()


class FoundSerializer(serializers.Serializer):  # type: ignore[type-arg]
    ours = serializers.BooleanField()
    signed = serializers.BooleanField()
    summary = serializers.CharField()


class VerifyView(APIView):
    permission_classes = ()
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": VerifyForm}, responses=FoundSerializer)
    @limited("60/h", "verify")
    def post(self, request: Any) -> Response:
        if "file" not in request.FILES:
            raise MissingFile
        roots = provenance.known_roots(settings.KEYS / "provenance")
        found = provenance.verify_apart(request.FILES["file"].read(), roots=roots)
        return Response({k: v for k, v in asdict(found).items() if k in ("ours", "signed", "summary")})
