"""Credits move here and nowhere else. Every function runs in its caller's transaction, or in one of its own.

A wallet's credits lie in lots (a grant, a purchase, a month of a plan), each with its own expiry; what expires first is spent
first, and what is given back goes back into its lot. A movement is tied to its cause and happens once for it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import LedgerAccount, Transfer, Wallet
from config.errors import DomainError

Kind, Account = Transfer.Kind, LedgerAccount.Kind


class NotEnoughCredits(DomainError):
    code, status = "not_enough_credits", 402
    message = _("This costs %(price)s credits and you have %(available)s. Choose less, or get credits.")


@dataclass(frozen=True)
class Balance:
    """Whole credits; `expires`: (when, how many) of what expires, soonest first."""

    available: int
    held: int
    expires: tuple[tuple[datetime, int], ...]


@transaction.atomic
def wallet_of(user: Any) -> Wallet:
    """The user's wallet, made with the Free plan and its credits when they first look."""
    wallet, new = Wallet.objects.select_related("plan").get_or_create(user=user)
    if new and wallet.plan.credits:
        grant(wallet, wallet.plan.credits, cause=f"plan:{wallet.plan_id}:{wallet.id}")
    return wallet


def balance(wallet: Wallet) -> Balance:
    rows = LedgerAccount.objects.filter(wallet=wallet.id, balance__gt=0)
    sums = dict.fromkeys(Account.values, 0)
    expires: dict[datetime, int] = {}
    for account in rows:
        sums[account.kind] += account.balance
        if account.kind == Account.AVAILABLE and account.expires_at:
            expires[account.expires_at] = expires.get(account.expires_at, 0) + account.balance
    return Balance(sums[Account.AVAILABLE], sums[Account.HELD], tuple(sorted(expires.items())))


@transaction.atomic
def grant(
    wallet: Wallet, amount: int, *, cause: str, kind: str = Kind.GRANT, expires_at: datetime | None = None
) -> uuid.UUID:
    """New credits as a lot of their own, whose id is answered; nothing a second time for the same cause."""
    _lock(wallet)
    earlier = Transfer.objects.filter(kind=kind, cause=cause).first()
    if earlier:
        return earlier.lot
    lot = uuid.uuid4()
    issued = _platform(Account.ISSUED)
    into = LedgerAccount.objects.create(wallet=wallet.id, kind=Account.AVAILABLE, lot=lot, expires_at=expires_at)
    _move(wallet.id, issued, into, amount, kind, cause, lot, expires_at)
    return lot


def is_new(wallet: Wallet, cause: str, kind: str = Kind.GRANT) -> bool:
    """Inside a transaction, in which nobody else moves this wallet's credits from here on: nothing was done for `cause` yet."""
    _lock(wallet)
    return not Transfer.objects.filter(kind=kind, cause=cause).exists()


@transaction.atomic
def hold(wallet: Wallet, amount: int, *, cause: str) -> None:
    """Set `amount` aside for `cause`. Raises NotEnoughCredits and moves nothing when there is less."""
    if amount == 0:
        return
    _lock(wallet)
    if Transfer.objects.filter(kind=Kind.HOLD, cause=cause).exists():
        return
    lots = _spendable(wallet)
    available = sum(lot.balance for lot in lots)
    if available < amount:
        raise NotEnoughCredits(price=amount, available=available, extra={"price": amount, "available": available})
    for lot in lots:
        part = min(lot.balance, amount)
        held, _new = LedgerAccount.objects.get_or_create(
            wallet=wallet.id, kind=Account.HELD, lot=lot.lot, defaults={"expires_at": lot.expires_at}
        )
        _move(wallet.id, lot, held, part, Kind.HOLD, cause, lot.lot, lot.expires_at)
        amount -= part
        if not amount:
            break


@transaction.atomic
def settle(cause: str, *, captured: int) -> int:
    """End a hold: `captured` of it is spent, the rest goes back into its lots. Answers what was spent.

    Nothing a second time, and nothing for a cause that holds nothing. Raises ValueError when more than was held is asked for.
    """
    held = list(Transfer.objects.filter(kind=Kind.HOLD, cause=cause).order_by("id"))
    if not held:
        return 0
    _lock(held[0].wallet)
    if Transfer.objects.filter(kind__in=(Kind.CAPTURE, Kind.RELEASE), cause=cause).exists():
        return 0
    if not 0 <= captured <= sum(t.amount for t in held):
        raise ValueError(f"{captured} of {sum(t.amount for t in held)} held credits cannot be captured")
    left, earned = captured, _platform(Account.EARNED)
    for t in held:
        take = min(left, t.amount)
        left -= take
        if take:
            _move(t.wallet, t.credit, earned, take, Kind.CAPTURE, cause, t.lot, t.expires_at)
        if t.amount - take:
            _move(t.wallet, t.credit, t.debit, t.amount - take, Kind.RELEASE, cause, t.lot, t.expires_at)
    return captured


def expire(now: datetime | None = None) -> int:
    """Take what is past its time out of every wallet, one lot after the other; how many credits."""
    due = LedgerAccount.objects.filter(kind=Account.AVAILABLE, expires_at__lte=now or timezone.now(), balance__gt=0)
    return sum(_expire(ident) for ident in due.order_by("id").values_list("id", flat=True))


@transaction.atomic
def _expire(ident: int) -> int:
    account = LedgerAccount.objects.select_for_update().get(id=ident)
    amount = account.balance
    if amount:
        earlier = Transfer.objects.filter(kind=Kind.EXPIRE, lot=account.lot).count()
        cause = f"expiry:{account.lot}:{earlier}"
        _move(
            account.wallet,
            account,
            _platform(Account.EXPIRED),
            amount,
            Kind.EXPIRE,
            cause,
            account.lot,
            account.expires_at,
        )
    return amount


@transaction.atomic
def check() -> list[str]:
    """What does not add up, one sentence each: balances against transfers, and holds that were ended twice."""
    wrong = []
    moved: dict[int, int] = {}
    for side, sign in (("credit", 1), ("debit", -1)):
        for ident, total in Transfer.objects.values_list(side).annotate(n=Sum("amount")).order_by():
            moved[ident] = moved.get(ident, 0) + sign * total
    for account in LedgerAccount.objects.iterator():
        if account.balance != moved.get(account.id, 0):
            wrong.append(
                f"account {account.id} ({account.kind}) says {account.balance}, its transfers {moved.get(account.id, 0)}"
            )
    if total := LedgerAccount.objects.aggregate(n=Sum("balance"))["n"]:
        wrong.append(f"all accounts together hold {total}, not 0")
    return wrong + _ended_badly()


def _ended_badly() -> list[str]:
    held: dict[str, int] = dict(
        Transfer.objects.filter(kind=Kind.HOLD).values_list("cause").annotate(n=Sum("amount")).order_by()
    )
    ends = (
        Transfer.objects.filter(kind__in=(Kind.CAPTURE, Kind.RELEASE))
        .values_list("cause")
        .annotate(n=Sum("amount"))
        .order_by()
    )
    return [
        f"{cause}: {total} ended of {held.get(cause, 0)} held" for cause, total in ends if total != held.get(cause, 0)
    ]


# ---------------------------------------------------------------- parts


def _lock(wallet: Any) -> None:
    """One movement of a wallet at a time: first the wallet, which may be gone, then the ledger's own rows in their order."""
    ident = wallet.id if isinstance(wallet, Wallet) else wallet
    list(Wallet.objects.select_for_update().filter(id=ident).values_list("id"))
    list(LedgerAccount.objects.select_for_update().filter(wallet=ident).order_by("id").values_list("id"))


def _spendable(wallet: Wallet) -> list[LedgerAccount]:
    lots = LedgerAccount.objects.filter(wallet=wallet.id, kind=Account.AVAILABLE, balance__gt=0)
    live = lots.exclude(expires_at__lte=timezone.now())
    return list(live.order_by(F("expires_at").asc(nulls_last=True), "id"))


def _platform(kind: str) -> LedgerAccount:
    return LedgerAccount.objects.get_or_create(wallet=None, kind=kind, lot=None)[0]


def _move(
    wallet: Any,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: int,
    kind: str,
    cause: str,
    lot: Any,
    expires_at: Any,
) -> None:
    Transfer.objects.create(
        debit=debit, credit=credit, amount=amount, kind=kind, cause=cause, lot=lot, expires_at=expires_at, wallet=wallet
    )  # the database's trigger changes both balances
