"""Clips in POST /generations and in POST /generations/{id}/repeat."""

from __future__ import annotations

from typing import Any

from config.web.serializers import checked, idempotency_of
from generation.clips import services
from generation.clips.serializers import VideoForm, own
from generation.models import Job


def order(request: Any) -> Job:
    """The clip that the body of POST /generations asks for."""
    return services.request_clip(
        request.user, **own(request.user, checked(VideoForm, request)), **idempotency_of(request)
    )


def again(request: Any, job: Job, *, same_seed: bool, overrides: dict[str, Any]) -> Job:
    """The same clip again, for POST /generations/{id}/repeat."""
    form = VideoForm(data=overrides, partial=True)
    form.is_valid(raise_exception=True)
    other = own(request.user, form.validated_data)
    return services.again(job, same_seed=same_seed, **other, **idempotency_of(request))
