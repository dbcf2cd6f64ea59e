"""What the withdrawal of the consent to twins ends and deletes now, for the question before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from twins.models import Photo, Training, Twin


def concerned(user: Any) -> Iterator[tuple[Any, int]]:
    """As services.disable_twins does it."""
    own = Twin.objects.owned_by(user).filter(of_other=False)
    photos, trainings = Photo.objects.filter(twin__in=own), Training.objects.filter(twin__in=own)
    yield _("Twins that are disabled"), own.filter(disabled_at=None).count()
    yield _("Trainings and checks of photos that stop"), trainings.open().count() + photos.open().count()
    yield _("Trained models that are deleted"), trainings.trained().exclude(sha256="").count()
    yield _("Photos whose measurements are deleted"), photos.filter(embedding__isnull=False).count()
