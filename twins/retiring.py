"""Deletes photos whose time is over: refused ones, and trained ones where their owner chose it. Called by
`accounts.retain`."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import PhotosKept
from accounts.retention import TRAINED, kept
from config.runs.models import OPEN, Status
from twins.models import Photo
from twins.services import delete_photo

REFUSED = kept("refused_photos") - timedelta(hours=1)  # the task, which runs every hour, is in time then


def forget_refused() -> int:
    """Deletes the rows of photos that were not accepted. Their bytes went with the verdict."""
    ended = Photo.objects.filter(finished_at__lt=timezone.now() - REFUSED).exclude(status__in=OPEN)
    return ended.exclude(accepted=True).delete()[1].get(Photo._meta.label, 0)


def forget_trained() -> int:
    """Deletes photos whose last training ended long enough ago. Those that were never trained stay."""
    done = Max("trainings__finished_at", filter=Q(trainings__status=Status.SUCCEEDED))
    chosen = Photo.objects.accepted().filter(user__photos_kept=PhotosKept.TRAINED).annotate(trained=done)
    training = Q(twin__trainings__status__in=OPEN)
    old = list(chosen.filter(trained__lt=timezone.now() - TRAINED).exclude(training))
    for photo in old:
        delete_photo(photo)
    return len(old)
