"""Runs as clients see them, and the parts read from every request: body and Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation

from config.errors import Invalid
from config.runs.places import Places
from config.runs.sentences import sentence_of


class IgnoreAccept(DefaultContentNegotiation):
    """Ignores the Accept header: a view answers in its one format (JSON, a picture, a problem)."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class RunError(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    detail = serializers.CharField()


class Credits(serializers.Serializer):  # type: ignore[type-arg]
    held = serializers.IntegerField()
    captured = serializers.IntegerField()
    if_cancelled = serializers.IntegerField(
        allow_null=True,
        help_text="what a cancel would capture now, for work that is done; null once the run has ended",
    )


class RunFields(serializers.Serializer):  # type: ignore[type-arg]
    """The fields that every run has."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    status = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField()
    position = serializers.IntegerField(allow_null=True)
    eta_seconds = serializers.IntegerField(allow_null=True)
    error = RunError(allow_null=True)
    credits = Credits()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


def run_fields(run: Any, places: Places | None = None) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind_name,
        "status": run.status,
        "stage": run.stage,
        "progress": round(run.share, 3),
        "position": (places or Places()).of(run),
        "eta_seconds": run.eta_seconds(),
        "error": _error_of(run) if run.error_code else None,
        "credits": {
            "held": getattr(run, "held", 0),
            "captured": getattr(run, "captured", 0),
            "if_cancelled": getattr(run, "if_cancelled", 0 if run.is_open else None),
        },
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _error_of(run: Any) -> dict[str, str]:
    sentence = sentence_of(run.error_code, run.kind_name) or run.error_detail
    return {"code": run.error_code, "detail": str(sentence)}


def checked(kind: type[serializers.Serializer], request: Any, **options: Any) -> dict[str, Any]:  # type: ignore[type-arg]
    """The validated data of the request's body. Raises ValidationError, which becomes `invalid`."""
    form = kind(data=request.data, **options)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def key_of(headers: Any) -> str | None:
    """The Idempotency-Key of a request. Raises Invalid for one of a wrong length."""
    key: str | None = headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 255:
        raise Invalid(errors={"Idempotency-Key": [str(_("From 1 to 255 characters."))]})
    return key


def idempotency_of(request: Any) -> dict[str, str | None]:
    """`key` and `body_hash` for create_idempotent (config.runs.idempotency), from the header and the body."""
    return {
        "key": key_of(request.headers),
        "body_hash": hashlib.sha256(
            json.dumps(request.data, sort_keys=True, default=str).encode()
        ).hexdigest(),
    }
