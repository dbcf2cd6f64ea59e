"""Plans, and the double-entry ledger. One credit is one standard picture; amounts are whole credits."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Plan(models.Model):
    """What somebody may do, and which credits come with it. `credits` 0 with `unlimited` is fair use."""

    code = models.SlugField(primary_key=True, max_length=20)
    name = models.CharField(max_length=40)
    price_cents = models.PositiveIntegerField(default=0)  # US cents a month
    credits = models.PositiveIntegerField(default=0)
    monthly = models.BooleanField(default=True)  # False: the credits come once
    unlimited = models.BooleanField(default=False)
    twins = models.PositiveSmallIntegerField(default=1)  # how many twins one may have; 0 is no limit
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("order",)

    def __str__(self) -> str:
        return self.name


class Wallet(models.Model):
    """The link from a person to their money. The ledger knows the wallet's number alone: when the person is erased this row
    goes, and what stays says of nobody whose it was."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="wallet")
    plan = models.ForeignKey(Plan, models.PROTECT, default="free")
    free_trainings = models.PositiveSmallIntegerField(
        default=0
    )  # free first trainings taken, of twins that are gone too

    def __str__(self) -> str:
        return f"wallet {str(self.id)[:8]}"


class LedgerAccount(models.Model):
    """A sum of credits: a wallet's `available` and `held` credits of one lot, or one of the platform's own accounts.

    `balance` is what the transfers add up to; only the database's trigger on Transfer writes it.
    """

    class Kind(models.TextChoices):
        AVAILABLE = "available", _("available")
        HELD = "held", _("held")
        ISSUED = (
            "issued",
            _("issued"),
        )  # the platform's: where grants and sales come from, below zero by all that was issued
        EARNED = "earned", _("earned")  # the platform's: what was delivered
        EXPIRED = "expired", _("expired")
        DEBT = "debt", _("debt")  # a wallet's: what a refund or dispute took after it was spent

    wallet = models.UUIDField(null=True)  # of Wallet, on purpose no foreign key; None is the platform
    kind = models.CharField(max_length=10, choices=Kind.choices)
    lot = models.UUIDField(null=True)  # credits that came together and expire together
    expires_at = models.DateTimeField(null=True)
    balance = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["wallet", "kind", "lot"], name="one_account", nulls_distinct=False),
            models.CheckConstraint(condition=Q(balance__gte=0) | Q(kind__in=["issued"]), name="no_negative_balance"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.balance}"


class Transfer(models.Model):
    """Credits that went from `debit` to `credit`. Never changed, never deleted: the database refuses it."""

    class Kind(models.TextChoices):
        GRANT = "grant", _("granted")
        PURCHASE = "purchase", _("bought")
        HOLD = "hold", _("held")
        CAPTURE = "capture", _("spent")
        RELEASE = "release", _("given back")
        REFUND = "refund", _("refunded")
        EXPIRE = "expire", _("expired")

    debit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="+")
    credit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="+")
    amount = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    cause = models.CharField(max_length=120)  # "training:<id>", "plan:free:<wallet>", an event's id
    lot = models.UUIDField()
    expires_at = models.DateTimeField(null=True)
    wallet = models.UUIDField()  # whose movement it is, for their list
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "cause", "lot"], name="once_a_cause"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="amount_above_zero"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="between_two_accounts"),
        )
        indexes = (models.Index(fields=["wallet", "-id"], name="movements"),)
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} for {self.cause}"
