"""What a plan allows. Every limit is checked here and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Wallet
from config.errors import DomainError


class TwinLimit(DomainError):
    code, status = "twin_limit", 409
    message = _("Your plan holds %(limit)s twins. Delete one, or change your plan.")


class TwinReadOnly(DomainError):
    code, status = "twin_read_only", 409
    message = _(
        "Your plan holds %(limit)s twins, so this one can only be looked at."
        " Delete another, or change your plan."
    )


class JobLimit(DomainError):
    code, status = "job_limit", 409
    message = _("Your plan works on %(limit)s things at once. Wait for one to end, or change your plan.")


def room_for_twin(wallet: Wallet, have: int) -> None:
    """Raises TwinLimit when one more than `have` would be too many. The caller holds the wallet's row."""
    if wallet.plan.twins and have >= wallet.plan.twins:
        raise TwinLimit(limit=wallet.plan.twins)


def twin_in_use(wallet: Wallet, older: int) -> None:
    """Raises TwinReadOnly when `older` twins of the same user already fill the plan."""
    if is_read_only(wallet.plan.twins, older):
        raise TwinReadOnly(limit=wallet.plan.twins)


def is_read_only(limit: int, older: int) -> bool:
    """After a change to a smaller plan the oldest twins stay in use; the others are kept and read-only.

    Derived whenever it is read, never stored.
    """
    return bool(limit) and older >= limit


def twins_over(wallet: Wallet, have: int) -> int:
    """How many of `have` twins can only be looked at."""
    return max(0, have - wallet.plan.twins) if wallet.plan.twins else 0


def free_training_left(wallet: Wallet) -> bool:
    """The first training in each of the plan's slots is free."""
    return not wallet.plan.twins or wallet.free_trainings < wallet.plan.twins


def room_for_job(wallet: Wallet, open_: int) -> None:
    """Raises JobLimit when one more than `open_` would be too many. The caller holds the wallet's row."""
    if wallet.plan.jobs and open_ >= wallet.plan.jobs:
        raise JobLimit(limit=wallet.plan.jobs)


def longest(wallet: Wallet) -> int | None:
    """Of the longer side of a picture, px; None without a limit."""
    return wallet.plan.longest or None


def kept_since(wallet: Wallet, now: datetime | None = None) -> datetime | None:
    """Pictures made before this time are deleted; None without a limit.

    A whole retention period must have passed since the plan began, so a change of plan deletes nothing at
    once.
    """
    days = timedelta(days=wallet.plan.retention_days)
    now = now or timezone.now()
    return now - days if days and now - days >= wallet.plan_since else None
