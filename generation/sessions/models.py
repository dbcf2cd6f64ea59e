"""Sessions: named groups of trainings, jobs and pictures."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from config.querysets import OwnedQuerySet
from gallery.models import Item
from twins.models import Training


class SessionQuerySet(OwnedQuerySet):
    def for_clients(self) -> Self:
        """Loads what following.runs_of reads, `picture_count`, and `cover`, the best picture's id."""
        inside = _inside(OuterRef("user"), OuterRef(OuterRef("pk")))
        count = inside.order_by().values("user").annotate(n=Count("id")).values("n")
        best = inside.order_by("-favourite", "-created_at").values("id")[:1]
        found = self.annotate(picture_count=Coalesce(Subquery(count), 0), cover=Subquery(best))
        return found.prefetch_related("jobs", "trainings")


class Session(models.Model):
    """A group that its user named. It holds no work of its own: deleting it leaves its runs and pictures."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sessions_of_work")
    name = models.CharField(max_length=80)
    trainings = models.ManyToManyField(Training, related_name="sessions")
    jobs = models.ManyToManyField("generation.Job", related_name="sessions")
    items = models.ManyToManyField(
        Item, related_name="sessions"
    )  # added one by one, beside those of its jobs
    repeats = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)  # of its repetition
    body_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["user", "name"], name="one_session_a_name"),
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="session_once_a_key"),
        )

    def __str__(self) -> str:
        return self.name

    def pictures(self) -> Any:
        """The pictures of its jobs that are still there, and those that were added."""
        return _inside(self.user_id, self.pk)


def _inside(user: Any, session: Any) -> Any:
    """The pictures of this user in this session."""
    jobs = Session.jobs.through.objects.filter(session=session).values("job")
    added = Session.items.through.objects.filter(session=session).values("item")
    return Item.objects.owned_by(user).filter(Q(job__in=jobs) | Q(id__in=added))
