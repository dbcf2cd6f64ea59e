"""The limits of plans. All of them are checked here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from billing import prices
from billing.models import Wallet
from config.errors import DomainError

FREE_RETRIES = 2  # free trainings that a user may give up after they began, and try again
FORGIVEN_FOR = timedelta(days=1)  # how long forgiven credits count against the next ones
DRAFTS_A_DAY = 12  # of the demonstration person, free, in 24 hours
WAITING = 5  # runs that may wait for each one that the plan works on at once


class TwinLimit(DomainError):
    code, status = "twin_limit", 409
    message = ngettext_lazy(
        "Your plan holds %(limit)s twin. Delete it, or change your plan.",
        "Your plan holds %(limit)s twins. Delete one, or change your plan.",
        "limit",
    )


class TwinReadOnly(DomainError):
    code, status = "twin_read_only", 409
    message = ngettext_lazy(
        "Your plan holds %(limit)s twin, so this one can only be looked at."
        " Delete the other, or change your plan.",
        "Your plan holds %(limit)s twins, so this one can only be looked at."
        " Delete another, or change your plan.",
        "limit",
    )


class JobLimit(DomainError):
    code, status = "job_limit", 409
    message = _("%(waiting)s things of yours wait already. Ask again when some have ended.")


class DemonstrationLimit(DomainError):
    code, status = "demonstration_limit", 409
    message = ngettext_lazy(
        "In a day %(limit)s drafts of the demonstration person are free, and %(left)s is left."
        " Ask for fewer, come back tomorrow, or make a twin of your own.",
        "In a day %(limit)s drafts of the demonstration person are free, and %(left)s are left."
        " Ask for fewer, come back tomorrow, or make a twin of your own.",
        "left",
    )


def room_for_twin(wallet: Wallet, have: int) -> None:
    """Raises TwinLimit when one twin more than `have` is too many. The caller has locked the wallet's row."""
    if wallet.plan.twins and have >= wallet.plan.twins:
        raise TwinLimit(limit=wallet.plan.twins)


def full_of_twins(wallet: Wallet, have: int) -> int:
    """The plan's number of twins when `have` are as many, else 0: pages tell it before they offer another."""
    return wallet.plan.twins if have >= wallet.plan.twins else 0


def twin_in_use(wallet: Wallet, older: int) -> None:
    """Raises TwinReadOnly when the `older` twins of the same user use all slots of the plan."""
    if is_read_only(wallet.plan.twins, older):
        raise TwinReadOnly(limit=wallet.plan.twins)


def is_read_only(limit: int, older: int) -> bool:
    """After a change to a smaller plan the oldest twins stay in use; the others are read-only.

    This is computed when it is read and never stored.
    """
    return bool(limit) and older >= limit


def twins_over(wallet: Wallet, have: int) -> int:
    """How many of `have` twins are read-only."""
    return max(0, have - wallet.plan.twins) if wallet.plan.twins else 0


def free_training_left(wallet: Wallet) -> bool:
    """The first training in each of the plan's slots is free."""
    return not wallet.plan.twins or wallet.free_trainings < wallet.plan.twins


def return_free_training(user: Any, *, tried: bool) -> bool:
    """Gives back the slot of a free training that made no twin; whether it did.

    One that began to work and was given up (`tried`) gives it back FREE_RETRIES times in all, or its compute
    would be free without end.
    """
    rows = Wallet.objects.filter(user=user, free_trainings__gt=0)
    if tried:
        rows = rows.filter(free_retries__lt=FREE_RETRIES)
    return bool(
        rows.update(free_trainings=F("free_trainings") - 1, free_retries=F("free_retries") + int(tried))
    )


def free_retries_left(wallet: Wallet) -> int:
    return max(0, FREE_RETRIES - wallet.free_retries)


def forgivable(wallet: Wallet) -> int:
    """How many more credits of done work may go uncharged today: in all, the price of one training a day.
    Without this limit, work that is given up in its last step would be free without end."""
    return max(0, prices.training() - _forgiven(wallet))


def _forgiven(wallet: Wallet) -> int:
    since = wallet.forgiven_since
    return wallet.forgiven if since and timezone.now() - since < FORGIVEN_FOR else 0


def forgive(wallet: Wallet, credits: int) -> int:
    """Leaves up to `credits` of done work uncharged; returns how many. The caller has locked the wallet's
    row."""
    so_far, forgiven = _forgiven(wallet), min(credits, forgivable(wallet))
    if forgiven:
        since = wallet.forgiven_since if so_far else timezone.now()
        rows = Wallet.objects.filter(id=wallet.id)
        rows.update(forgiven=so_far + forgiven, forgiven_since=since)
    return forgiven


def room_for_job(wallet: Wallet, open_: int) -> None:
    """Raises JobLimit when one run more than `open_` is too many. The caller has locked the wallet's row."""
    waiting = wallet.plan.jobs * WAITING
    if wallet.plan.jobs and open_ >= wallet.plan.jobs + waiting:
        raise JobLimit(waiting=waiting)


def room_for_drafts(made: int, count: int) -> None:
    """Raises DemonstrationLimit where `count` free drafts more than `made` are too many."""
    if made + count > DRAFTS_A_DAY:
        left = max(0, DRAFTS_A_DAY - made)
        raise DemonstrationLimit(limit=DRAFTS_A_DAY, left=left, extra={"limit": DRAFTS_A_DAY, "left": left})


def longest(wallet: Wallet) -> int | None:
    """The largest longer side of a picture, in px; None without a limit."""
    return wallet.plan.longest or None


def kept_since(wallet: Wallet, now: datetime | None = None) -> datetime | None:
    """Pictures made before this time are deleted; None without a limit.

    A whole retention period must have passed since the plan began, so a change of plan deletes nothing at
    once.
    """
    days = timedelta(days=wallet.plan.retention_days)
    now = now or timezone.now()
    return now - days if days and now - days >= wallet.plan_since else None
