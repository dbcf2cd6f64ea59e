"""Plans, and the double-entry ledger. One credit is one standard picture; amounts are whole credits."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.engines import models as engines  # noqa: F401  registers its models

FREE = pgettext_lazy("a plan", "Free")
GRACE = timedelta(days=7)  # from a failed payment until its plan ends


class Plan(models.Model):
    """A plan's limits and credits: `credits` each month (with `monthly`), or once.

    Pages show an `unlimited` plan as such; its credits are the cap of fair use. A limit of 0 means no limit.
    """

    code = models.SlugField(primary_key=True, max_length=20)
    name = models.CharField(max_length=40)
    price_cents = models.PositiveIntegerField(default=0)  # a month, in settings.CURRENCY
    price_year_cents = models.PositiveIntegerField(default=0)  # a year at once; 0 is not for sale by the year
    credits = models.PositiveIntegerField(default=0)
    monthly = models.BooleanField(default=True)  # False: the credits come once
    lasts_months = models.PositiveSmallIntegerField(default=1)  # how long credits last; 0: they never expire
    unlimited = models.BooleanField(default=False)
    twins = models.PositiveSmallIntegerField(default=1)
    jobs = models.PositiveSmallIntegerField(
        default=0
    )  # paid runs that work at the same time; limits.WAITING times as many wait
    longest = models.PositiveIntegerField(default=0)  # px, the longer side of a picture
    retention_days = models.PositiveIntegerField(default=0)  # how long pictures are kept
    on_sale = models.BooleanField(default=True)
    order = models.PositiveSmallIntegerField(default=0)  # a plan of a higher order gives more

    class Meta:
        ordering = ("order",)
        verbose_name, verbose_name_plural = _("plan"), _("plans")

    @property
    def label(self) -> str:
        """The name on pages: that of the free plan is a word, which is translated."""
        return str(FREE) if self.name == "Free" else self.name

    def __str__(self) -> str:
        return self.name


class Pack(models.Model):
    """Credits that are bought once and do not expire."""

    code = models.SlugField(primary_key=True, max_length=20)
    credits = models.PositiveIntegerField()
    price_cents = models.PositiveIntegerField()
    on_sale = models.BooleanField(default=True)

    class Meta:
        ordering = ("credits",)
        verbose_name, verbose_name_plural = _("credit pack"), _("credit packs")

    def __str__(self) -> str:
        return f"{self.credits}"


class Price(models.Model):
    """Credits for one kind of work: a picture of some quality, a training, a second of video and so on.

    `code` is a code of prices.DELIVERED, or `<engine>:<code>` for one engine alone.
    """

    code = models.CharField(primary_key=True, max_length=61)
    credits = models.PositiveIntegerField()

    class Meta:
        ordering = ("credits", "code")
        verbose_name, verbose_name_plural = _("price of work"), _("prices of work")

    def __str__(self) -> str:
        return f"{self.code}: {self.credits}"


class Wallet(models.Model):
    """Links a user to their credits and payments. The ledger holds only the wallet's id.

    Erasure deletes this row; after that nothing says whose money it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="wallet")
    plan = models.ForeignKey(Plan, models.PROTECT, default="free")
    plan_since = models.DateTimeField(default=timezone.now)
    # How many free first trainings were used, also by twins that are deleted.
    free_trainings = models.PositiveSmallIntegerField(default=0)
    # How many free trainings were given up after they had begun, and gave their slot back.
    free_retries = models.PositiveSmallIntegerField(default=0, editable=False)
    # Credits of work that was not charged (limits.forgive), and when the day in which they count began.
    forgiven = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    forgiven_since = models.DateTimeField(null=True, editable=False)
    stripe_customer = models.CharField(max_length=60, null=True, unique=True, editable=False)
    checkout = models.CharField(max_length=80, blank=True, editable=False)  # the open Checkout session

    class Meta:
        permissions = (
            ("grant_credits", "Can give credits to somebody"),
            ("take_credits", "Can take credits from somebody"),
        )

    def __str__(self) -> str:
        return f"wallet {str(self.id)[:8]}"


class LedgerAccount(models.Model):
    """A sum of credits: a wallet's `available` or `held` credits of one lot, or an account of the platform.

    `balance` is the sum of the transfers; only the database's trigger on Transfer writes it.
    """

    class Kind(models.TextChoices):
        AVAILABLE = "available", _("available")
        HELD = "held", _("held")
        ISSUED = "issued", _("issued")  # the platform's: the source of grants and sales, so never above zero
        EARNED = "earned", _("earned")  # the platform's: what was delivered
        EXPIRED = "expired", _("expired")
        TAKEN = "taken", _("taken back")  # the platform's: by refunds, disputes and corrections
        DEBT = "debt", _("debt")  # a wallet's: what was taken back after it was spent, as a negative number

    wallet = models.UUIDField(null=True)  # Wallet.id, on purpose no foreign key; None for the platform
    kind = models.CharField(max_length=10, choices=Kind.choices)
    lot = models.UUIDField(null=True)  # credits of one grant or purchase, which expire together
    expires_at = models.DateTimeField(null=True)
    balance = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["wallet", "kind", "lot"], name="one_account", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(balance__gte=0, kind__in=["available", "held", "earned", "expired", "taken"])
                | Q(balance__lte=0, kind__in=["issued", "debt"]),
                name="no_negative_balance",
            ),
        )
        indexes = (
            models.Index(fields=["expires_at"], name="expires", condition=Q(kind="available", balance__gt=0)),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.balance}"


class Transfer(models.Model):
    """A movement of credits from `debit` to `credit`. The database refuses to change or delete it."""

    class Kind(models.TextChoices):
        GRANT = "grant", _("granted")
        PLAN = "plan", _("with your plan")  # the credits of a paid month
        PURCHASE = "purchase", _("bought")
        HOLD = "hold", _("held")
        CAPTURE = "capture", _("spent")
        RELEASE = "release", _("given back")
        REFUND = "refund", _("taken back")  # the payment was refunded or is disputed
        RESTORE = "restore", _("returned")  # the dispute was won, or the refund failed
        REPAY = "repay", _("owed and paid")
        CORRECT = "correct", _("corrected")  # staff took them
        EXPIRE = "expire", _("expired")

    debit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="+")
    credit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="+")
    amount = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    cause = models.CharField(max_length=120)  # "training:<id>", "plan:free:<wallet>", an event's id
    lot = models.UUIDField()
    expires_at = models.DateTimeField(null=True)
    wallet = models.UUIDField()  # the wallet in whose list it appears
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "cause", "lot"], name="once_a_cause"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="amount_above_zero"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="between_two_accounts"),
        )
        indexes = (
            models.Index(fields=["wallet", "-id"], name="movements"),
            models.Index(fields=["lot"], name="expired_of_a_lot", condition=Q(kind="expire")),
            models.Index(fields=["created_at"], name="movements_by_day"),
        )
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} for {self.cause}"


class Subscription(models.Model):
    """One subscription at Stripe, as of the last sync. It outlives its wallet and holds no personal data."""

    class Interval(models.TextChoices):
        MONTH = "month", _("monthly")
        YEAR = "year", _("yearly")

    id = models.CharField(primary_key=True, max_length=80)
    wallet = models.UUIDField(db_index=True)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+")
    # The plan from the next payment on, when a change is scheduled.
    next_plan = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="+")
    interval = models.CharField(max_length=5, choices=Interval.choices)
    cents = models.PositiveIntegerField(default=0)  # of each payment, before tax and discounts
    status = models.CharField(max_length=20)  # as Stripe calls it
    anchor = models.DateTimeField()  # periods end whole months after this
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)  # the time for which it is cancelled
    past_due_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("subscription"), _("subscriptions")

    def __str__(self) -> str:
        return f"{self.plan_id} ({self.status})"

    @property
    def grace_ends(self) -> datetime | None:
        return self.past_due_since + GRACE if self.status == "past_due" and self.past_due_since else None

    def is_live(self, now: datetime) -> bool:
        """Whether its plan is in force: it is paid, or a payment failed less than GRACE ago."""
        return self.status == "active" or (self.grace_ends is not None and now < self.grace_ends)


STATES = {"paid": _("paid"), "open": _("not paid yet"), "void": _("void"), "uncollectible": _("not paid")}


class Invoice(models.Model):
    """One invoice at Stripe: the payment, the credits for it, and how much of both was taken back.

    Amounts are cents of `currency`.
    """

    id = models.CharField(primary_key=True, max_length=80)
    wallet = models.UUIDField()
    subscription = models.CharField(max_length=80, blank=True, db_index=True)
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="+")
    interval = models.CharField(max_length=5, blank=True)
    number = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    total = models.IntegerField()
    paid = models.IntegerField(default=0)  # by card or transfer; the customer's balance pays the rest
    tax = models.IntegerField(default=0)
    payment = models.CharField(max_length=80, blank=True, db_index=True)  # the payment intent
    refunded = models.IntegerField(default=0)
    disputed = models.IntegerField(default=0)
    credits = models.PositiveIntegerField(default=0)  # granted so far
    lot = models.UUIDField(null=True)  # the newest lot of these credits
    # Months whose credits were granted, or were over before that.
    months = models.PositiveSmallIntegerField(default=0)
    month_credits = models.PositiveIntegerField(default=0)  # for each month after the first
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    next_month = models.DateTimeField(null=True)  # when the next month of a year is due
    taken = models.PositiveIntegerField(default=0)  # credits taken back for `refunded` and `disputed`
    turns = models.PositiveIntegerField(default=0)  # how often `taken` changed
    # Credits of the earlier plan that a change to a cheaper plan took back.
    changed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["wallet", "-created_at"], name="invoices_of_a_wallet"),
            models.Index(fields=["paid_at"], name="invoices_by_day"),
            models.Index(fields=["next_month"], name="invoices_due", condition=Q(next_month__isnull=False)),
        )
        verbose_name, verbose_name_plural = _("invoice"), _("invoices")
        permissions = (("refund_invoice", "Can pay back an invoice"),)

    def __str__(self) -> str:
        return self.number or self.id

    @property
    def kept_credits(self) -> int:
        """Credits left of this invoice; negative when a change of plan took back more than it gave."""
        return self.credits - self.taken - self.changed

    @property
    def gone(self) -> int:
        """The refunded amount as a negative number, for display beside the total."""
        return -self.refunded

    @property
    def state_name(self) -> Any:
        if self.disputed:
            return _("disputed")
        if self.refunded:
            return _("refunded") if self.refunded >= self.total else _("partly refunded")
        return STATES.get(self.status, self.status)


class StripePrice(models.Model):
    """What a price at Stripe buys.

    Its amount is fixed: a new amount is a new row, and old invoices use the old one.
    """

    id = models.CharField(primary_key=True, max_length=80)
    plan = models.ForeignKey(Plan, models.PROTECT, null=True)
    pack = models.ForeignKey(Pack, models.PROTECT, null=True)
    interval = models.CharField(max_length=5, blank=True, choices=Subscription.Interval.choices)
    currency = models.CharField(max_length=3)
    cents = models.PositiveIntegerField()
    current = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["plan", "pack", "interval"],
                condition=Q(current=True),
                name="one_current_price",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(plan=None) ^ Q(pack=None), name="a_plan_or_a_pack"),
        )

    def __str__(self) -> str:
        return self.id


class WebhookEvent(models.Model):
    """One event of Stripe, by id: its subject, and whether it was applied.

    The body is not stored, because it holds personal data.
    """

    class State(models.TextChoices):
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("ignored")
        FAILED = "failed", _("failed")

    id = models.CharField(primary_key=True, max_length=80)
    type = models.CharField(max_length=80)
    subject = models.CharField(max_length=100, blank=True)  # the id of the object that changed
    customer = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=State.choices)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()  # at Stripe
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-received_at",)
        indexes = (models.Index(fields=["-received_at"], name="events_by_time"),)
        verbose_name, verbose_name_plural = _("event of Stripe"), _("events of Stripe")
        permissions = (("retry_event", "Can try a failed event again"),)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
