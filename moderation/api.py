"""/verify: whether this installation made a file. Open to everybody."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import MissingFile
from config.web.ratelimit import limited
from ml import provenance
from moderation.verifying import verify_file


class VerifyForm(serializers.Serializer):  # type: ignore[type-arg]
    file = serializers.FileField()


class ReasonSerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.ChoiceField(choices=list(provenance.REASONS))
    sentence = serializers.CharField()


class FoundSerializer(serializers.Serializer):  # type: ignore[type-arg]
    verdict = serializers.ChoiceField(
        choices=list(provenance.SENTENCES),
        help_text="`ours` and `ours_edited`: signed here and unchanged since. `ours_changed`: our invisible "
        "mark is in it, but the file was changed. `others`: signed by somebody else. `unknown`: neither.",
    )
    reasons = ReasonSerializer(many=True)
    ours = serializers.BooleanField(
        help_text="Whether it came from here: true for the three verdicts `ours...`."
    )
    signed = serializers.BooleanField(help_text="Whether our signature is intact. This alone is proof.")
    kind = serializers.ChoiceField(choices=["generated", "edited"], allow_null=True)
    engine = serializers.CharField(allow_null=True)
    created = serializers.DateTimeField(allow_null=True)
    summary = serializers.CharField()


def _example(name: str, verdict: str, *reasons: str, **known: str) -> OpenApiExample:
    found = {
        "verdict": verdict,
        "reasons": [{"code": code, "sentence": provenance.REASONS[code]} for code in reasons],
    }
    found |= {"ours": True, "signed": bool(known), "kind": None, "engine": None, "created": None} | known
    summary = provenance.SENTENCES[verdict].format(
        engine=known.get("engine"), date=known.get("created", "")[:10]
    )
    return OpenApiExample(name, value=found | {"summary": summary}, response_only=True, status_codes=["200"])


MADE = {"kind": "generated", "engine": "nano", "created": "2026-11-20T09:30:00Z"}
EXAMPLES = [
    _example("as it was delivered", "ours", "signature_intact", "mark_found", **MADE),
    _example("a part of it, saved again", "ours_changed", "signature_missing", "mark_found", "mark_cropped"),
]


class VerifyView(APIView):
    permission_classes = ()
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": VerifyForm}, responses=FoundSerializer, examples=EXAMPLES)
    @limited("verify")
    def post(self, request: Any) -> Response:
        """Whether this installation made a file (PNG, JPEG, WebP, MP4), with the reasons.

        The file is not kept, and the answer tells nothing about a person."""
        if "file" not in request.FILES:
            raise MissingFile
        return Response(verify_file(request.FILES["file"].read()))
