"""Cases: what was reported or is to be taken down, who asked, what staff decided, and the appeals."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.querysets import OwnedQuerySet
from moderation.cases.reasons import DECIDED, REASONS

USER = settings.AUTH_USER_MODEL
DUE = timedelta(hours=48)  # of a takedown: the TAKE IT DOWN Act
UNDO = timedelta(minutes=10)  # of a decision
APPEAL = timedelta(days=30)
CLAIM = timedelta(minutes=15)  # then somebody else may take the case


class CaseQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def open(self) -> CaseQuerySet:
        """Those that wait for staff."""
        return self.exclude(state=Case.State.DECIDED)

    def to_match(self) -> CaseQuerySet:
        """Those whose copies must be looked for: new ones, and removals, for what came since."""
        removed = Q(decisions__outcome="remove", decisions__undone_at=None)
        return self.filter(~Q(state=Case.State.DECIDED) | removed, matched=False).distinct()

    def of_items_to_review(self) -> Any:
        """The ids of pictures that a person must look at before others may see them."""
        found = self.open().filter(kind=Case.Kind.SCREENING, subject_kind="item")
        return found.values_list("subject_id", flat=True)


class Case(models.Model):
    """A subject and why somebody wants it gone. All reports of one subject are one case while it is open."""

    class Kind(models.TextChoices):
        REPORT = "report", _("report")
        TAKEDOWN = "takedown", _("takedown")
        SCREENING = "screening", _("nearly a listed picture")

    class State(models.TextChoices):
        OPEN = "open", _("waits for staff")
        CLAIMED = "claimed", _("being looked at")
        DECIDED = "decided", _("decided")
        APPEALED = "appealed", _("appealed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=9, unique=True, editable=False)  # PF-7K2M9Q
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    # Empty where a takedown names nothing that is here.
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.CharField(max_length=40, blank=True)
    owner = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")  # of the subject
    reason = models.CharField(max_length=20, choices=REASONS.items())
    count = models.PositiveIntegerField(default=0)  # of the notices
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    reminded = models.PositiveSmallIntegerField(default=0, editable=False)  # see moderation.cases.watching
    matched = models.BooleanField(default=False, editable=False)  # whether its copies were looked for
    escalated = models.BooleanField(default=False)  # left to superusers
    claimed_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    claimed_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "subject_kind", "subject_id"],
                condition=~Q(state="decided") & ~Q(subject_id=""),
                name="one_open_case_a_subject",
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "created_at"], name="cases_open", condition=~Q(state="decided")),
            # Earlier decisions about a subject stand beside each case of the queue.
            models.Index(fields=["subject_id"], name="cases_of_subject"),
        )
        permissions = (
            ("decide_case", "Can decide cases"),
            ("look_case", "Can look at what a case is about, with a reason"),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def decision(self) -> Decision | None:
        """The last one that stands."""
        return self.decisions.filter(undone_at=None).first()


class Notice(models.Model):
    """What one person wrote about a case. Nobody has two in one case."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="notices")
    user = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    reporter = models.CharField(max_length=64)  # a hash: of the account, the contact or the network
    reason = models.CharField(max_length=20, choices=REASONS.items())
    text = models.TextField(blank=True, max_length=2000)
    address = models.CharField(max_length=500, blank=True)  # where the subject was seen
    name = models.CharField(max_length=80, blank=True)  # the signature
    contact = models.EmailField(blank=True)
    language = models.CharField(max_length=10, default="en")
    good_faith = models.TextField(blank=True)  # the wording of the statement that was agreed to
    secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    prints = models.BinaryField(default=b"", editable=False)  # hashes of the picture that was sent
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_at",)
        constraints = (models.UniqueConstraint(fields=["case", "reporter"], name="one_notice_a_person"),)

    def __str__(self) -> str:
        return f"notice of {self.case_id}"


class Match(models.Model):
    """Another subject that is nearly the case's picture."""

    class State(models.TextChoices):
        SAME = "same", _("the same picture")
        LOOK = "look", _("a person must look")
        HIDDEN = "hidden", _("taken out of sight")

    case = models.ForeignKey(Case, models.CASCADE, related_name="matches")
    subject_kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices)
    agreement = models.FloatField(null=True)  # of the pixels, -1..1; None: they could not be compared
    owner = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")  # of the subject

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "matches"
        constraints = (
            models.UniqueConstraint(fields=["case", "subject_kind", "subject_id"], name="matched_once"),
        )

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id[:8]}"


class DecisionQuerySet(OwnedQuerySet):
    def owned_by(self, user: Any) -> DecisionQuerySet:
        """The decisions that concern the user: about their subject or a copy of it, or about what they
        reported."""
        hidden = Match.objects.filter(owner=user, state=Match.State.HIDDEN).values("case")
        mine = Q(case__owner=user) | Q(case__notices__user=user) | Q(case__in=hidden)
        return self.filter(mine, undone_at=None).distinct()


class Decision(models.Model):
    class Outcome(models.TextChoices):
        KEEP = "keep", _("it stays")
        REMOVE = "remove", _("it is removed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.CASCADE, related_name="decisions")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.CharField(max_length=20, choices=DECIDED.items())
    text = models.TextField(blank=True, max_length=1000)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)  # both sides, once it cannot be undone
    removed_at = models.DateTimeField(null=True, editable=False)  # for good, once nobody can appeal

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.outcome} {self.case_id}"

    def took_from(self, user: Any) -> bool:
        """Whether what it is about, or a copy that went with it, was this user's."""
        copies = self.case.matches.filter(owner=user, state=Match.State.HIDDEN)
        return self.case.owner_id == user.pk or copies.exists()

    @property
    def undo_until(self) -> Any:
        return self.at + UNDO

    @property
    def appeal_until(self) -> Any:
        return self.at + APPEAL


class Appeal(models.Model):
    decision = models.ForeignKey(Decision, models.CASCADE, related_name="appeals")
    user = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    text = models.TextField(max_length=2000)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("at",)
        constraints = (models.UniqueConstraint(fields=["decision", "user"], name="one_appeal_a_person"),)

    def __str__(self) -> str:
        return f"appeal of {self.decision_id}"
