"""Which engines are offered to whom, what they cost, and the requests at somebody else's accelerator.

Nothing here names a user: a request leads to its run by id alone, and stays when the run is deleted.
"""

from __future__ import annotations

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class EngineOffer(models.Model):
    """The terms of one engine. An engine without a row is offered to everybody."""

    profile = models.CharField(_("engine"), primary_key=True, max_length=40)  # a name in ml.catalogue.BASES
    offered = models.BooleanField(_("offered"), default=True)
    plans = models.ManyToManyField(
        "billing.Plan", blank=True, verbose_name=_("plans"), help_text=_("None chosen: every plan.")
    )
    free_first = models.BooleanField(
        _("first training free"),
        null=True,
        blank=True,
        help_text=_(
            "Whether the free training of a twin slot may be used on it. Unknown: yes on machines of our own,"
            " no at other companies."
        ),
    )

    class Meta:
        ordering = ("profile",)
        verbose_name, verbose_name_plural = _("offer of an engine"), _("offers of engines")

    def __str__(self) -> str:
        return self.profile


class EngineCost(models.Model):
    """What an engine costs its operator: an accelerator by the hour, a hosted engine by its price list.

    A new price is a new row with a later day, so that what was done before keeps its cost.
    """

    engine = models.CharField(max_length=40)
    job_kind = models.CharField(max_length=12, blank=True)  # empty: every kind without its own row
    since = models.DateField(null=True, blank=True)  # the first day (UTC) it holds; None: from the beginning
    hour_cents = models.DecimalField(max_digits=10, decimal_places=3, default=0)  # for an hour of work
    # For a training or a picture; for a megapixel of a picture where the service bills so.
    unit_cents = models.DecimalField(max_digits=10, decimal_places=3, default=0)
    source = models.CharField(max_length=200, blank=True)  # where the figure is from

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["engine", "job_kind", "since"], name="one_cost_a_day", nulls_distinct=False
            ),
        )
        verbose_name, verbose_name_plural = _("cost of an engine"), _("costs of engines")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.engine, self.job_kind, self.since and self.since.isoformat())))


class RemoteRequestQuerySet(models.QuerySet["RemoteRequest"]):
    def open(self) -> Self:
        return self.filter(state__in=RemoteRequest.OPEN)


class RemoteRequest(models.Model):
    """One request at a service. `id` is our reference, which stands in the webhook's address.

    The row is committed before the submit, so that a run whose worker died goes on with the same request.
    """

    class State(models.TextChoices):
        SENDING = "sending", _("being sent")  # the submit was not answered yet
        WAITING = "waiting", _("waiting there")
        DELIVERED = "delivered", _("delivered")
        REFUSED = "refused", _("refused there")
        FAILED = "failed", _("failed there")
        CANCELLED = "cancelled", _("cancelled")
        LOST = "lost", _("lost there")
        WRITTEN_OFF = "written_off", _("written off")  # the submit's answer was lost

    OPEN = (State.SENDING, State.WAITING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.CharField(max_length=20)
    model = models.CharField(max_length=100)
    run_kind = models.CharField(max_length=12)  # Run.kind_name
    run_id = models.UUIDField()  # on purpose no foreign key: the cost of a deleted run stays
    work = models.CharField(max_length=40)  # the piece of the run: "training", "picture-<seed>", "scene-<n>"
    key = models.CharField(max_length=12, blank=True)  # the name of the key it was sent with
    request_id = models.CharField(max_length=100, blank=True)  # theirs
    status_url = models.CharField(max_length=500, blank=True)
    response_url = models.CharField(max_length=500, blank=True)
    cancel_url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.SENDING)
    # What it costs us. None while it is open, and when no price was known on the day it ended.
    cents = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    webhook_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    objects = RemoteRequestQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["run_id", "work"],
                condition=Q(state__in=["sending", "waiting"]),
                name="one_open_request_a_work",
            ),
            models.UniqueConstraint(
                fields=["service", "request_id"], condition=~Q(request_id=""), name="one_row_a_remote_request"
            ),
        )
        indexes = (
            models.Index(fields=["run_id"], name="requests_of_a_run"),
            models.Index(fields=["ended_at"], name="requests_by_end"),
            models.Index(
                fields=["created_at"], name="requests_open", condition=Q(state__in=["sending", "waiting"])
            ),
        )
        verbose_name, verbose_name_plural = _("request at a service"), _("requests at services")

    def __str__(self) -> str:
        return f"{self.service} {self.work} {str(self.id)[:8]} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def urls(self) -> tuple[str, str, str]:
        return self.status_url, self.response_url, self.cancel_url


class RemoteCopy(models.Model):
    """A copy of one of our files that lies at a service for a while, so that it is not sent twice.

    The row is deleted once the copy has expired there.
    """

    service = models.CharField(max_length=20)
    name = models.CharField(max_length=200)  # of our file in its store
    url = models.CharField(max_length=1000)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["service", "name"], name="one_copy_a_file"),)

    def __str__(self) -> str:
        return f"copy at {self.service}"
