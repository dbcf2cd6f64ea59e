"""The ledger: all movements of credits. Every function joins its caller's transaction, or opens one.

A wallet's credits are in lots (a grant, a purchase, a month of a plan), each with its own expiry. The lot
that expires first is spent first; released credits return to their lot and expire with it. Each movement
has a cause and happens once for it. When more is taken back than is available, the rest becomes a debt,
which the next incoming credits repay.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import ngettext_lazy

from billing.models import LedgerAccount, Transfer, Wallet
from config.errors import DomainError

Kind, Account = Transfer.Kind, LedgerAccount.Kind


class NotEnoughCredits(DomainError):
    code, status = "not_enough_credits", 402
    message = ngettext_lazy(
        "This costs %(price)s credit and you have %(available)s. Get credits to go on.",
        "This costs %(price)s credits and you have %(available)s. Choose less, or get credits.",
        "price",
    )


class PaymentDue(DomainError):
    code, status = "payment_due", 402
    message = ngettext_lazy(
        "A payment was taken back after its credits were spent: %(owed)s credit is owed."
        " Get credits to go on.",
        "A payment was taken back after its credits were spent: %(owed)s credits are owed."
        " Get credits to go on.",
        "owed",
    )


@dataclass(frozen=True)
class Balance:
    """Whole credits.

    `expires`: (when, how many), soonest first. `owed`: a debt that incoming credits repay.
    """

    available: int
    held: int
    expires: tuple[tuple[datetime, int], ...]
    owed: int = 0


def wallet_of(user: Any) -> Wallet:
    """The user's wallet; the first call creates it with the Free plan and its credits."""
    return Wallet.objects.select_related("plan").filter(user=user).first() or _opened(user)


@transaction.atomic
def _opened(user: Any) -> Wallet:
    wallet, new = Wallet.objects.select_related("plan").get_or_create(user=user)
    if new and wallet.plan.credits:
        grant(wallet, wallet.plan.credits, cause=f"plan:{wallet.plan_id}:{wallet.id}")
    return wallet


def locked_wallet(user: Any) -> Wallet:
    """Inside a transaction: the wallet's row, locked, with its current plan.

    Until the transaction ends, other movements of the user's credits and checks of their limits wait.
    """
    ident = wallet_of(user).id
    return Wallet.objects.select_for_update(of=("self",)).select_related("plan").get(id=ident)


def balance(wallet: Wallet) -> Balance:
    now = timezone.now()
    sums = dict.fromkeys(Account.values, 0)
    expires: dict[datetime, int] = {}
    for kind, at, left in LedgerAccount.objects.filter(_counts(now), wallet=wallet.id).values_list(
        "kind", "expires_at", "balance"
    ):
        sums[kind] += left
        if kind == Account.AVAILABLE and at:
            expires[at] = expires.get(at, 0) + left
    return Balance(
        sums[Account.AVAILABLE], sums[Account.HELD], tuple(sorted(expires.items())), -sums[Account.DEBT]
    )


def _counts(now: datetime) -> Q:
    """Accounts with a balance.

    Credits past their expiry are not available, even before `expire` has moved them.
    """
    return ~Q(balance=0) & ~Q(kind=Account.AVAILABLE, expires_at__lte=now)


@transaction.atomic
def grant(
    wallet: Any, amount: int, *, cause: str, kind: str = Kind.GRANT, expires_at: datetime | None = None
) -> uuid.UUID:
    """Create credits as a new lot and return its id. A second call with this cause returns the first lot."""
    ident = _lock(wallet)
    earlier = Transfer.objects.filter(kind=kind, cause=cause).first()
    if earlier:
        return earlier.lot
    lot = uuid.uuid4()
    into = LedgerAccount.objects.create(wallet=ident, kind=Account.AVAILABLE, lot=lot, expires_at=expires_at)
    _move(ident, _platform(Account.ISSUED), into, amount, kind, cause)
    _settle_debt(ident, into, cause)
    return lot


@transaction.atomic
def take_back(
    wallet: Any, amount: int, *, cause: str, kind: str = Kind.REFUND, lot: uuid.UUID | None = None
) -> None:
    """Take credits, those of `lot` first, then those that expire first; the missing rest becomes a debt.

    A second call with this cause does nothing. Credits held for open runs are not touched.
    """
    ident = _lock(wallet)
    if Transfer.objects.filter(kind=kind, cause=cause).exists():
        return
    taken = _platform(Account.TAKEN)
    for account in sorted(_spendable(ident), key=lambda a: a.lot != lot):
        part = min(account.balance, amount)
        if part:
            _move(ident, account, taken, part, kind, cause)
            amount -= part
    if amount:
        debt, _new = LedgerAccount.objects.get_or_create(wallet=ident, kind=Account.DEBT, lot=ident)
        _move(ident, debt, taken, amount, kind, cause)


@transaction.atomic
def restore(wallet: Any, amount: int, *, cause: str, of: str) -> None:
    """Return credits to the accounts from which causes that begin with `of` took them; once for `cause`.

    Credits that return to an expired lot expire. For a debt that was repaid meanwhile, the wallet gets
    credits that do not expire.
    """
    ident = _lock(wallet)
    if Transfer.objects.filter(kind=Kind.RESTORE, cause=cause).exists():
        return
    taken = Transfer.objects.filter(wallet=ident, cause__startswith=of)
    came = dict(taken.filter(kind=Kind.RESTORE).values_list("credit").annotate(n=Sum("amount")).order_by())
    platform = _platform(Account.TAKEN)
    for t in taken.filter(kind=Kind.REFUND).select_related("debit").order_by("-id"):
        back = min(t.amount, came.get(t.debit_id, 0))
        came[t.debit_id] = came.get(t.debit_id, 0) - back
        if part := min(t.amount - back, amount):
            amount -= _give_back(ident, platform, t.debit, part, cause)
    if amount:
        stays = LedgerAccount.objects.create(wallet=ident, kind=Account.AVAILABLE, lot=uuid.uuid4())
        _move(ident, platform, stays, amount, Kind.RESTORE, cause)
        _settle_debt(ident, stays, cause)


def _give_back(ident: uuid.UUID, taken: LedgerAccount, into: LedgerAccount, amount: int, cause: str) -> int:
    """Move up to `amount` back to an account, to a debt no more than is still owed; returns how much."""
    if into.kind == Account.DEBT:
        amount = min(amount, -LedgerAccount.objects.get(id=into.id).balance)
    if amount:
        _move(ident, taken, into, amount, Kind.RESTORE, cause)
        if into.kind == Account.AVAILABLE:
            _settle_debt(ident, into, cause)
            _expire_if_due(into)
    return amount


def is_new(wallet: Any, cause: str, kind: str = Kind.GRANT) -> bool:
    """Inside a transaction: lock the wallet; True when nothing was moved for `cause` yet."""
    _lock(wallet)
    return not Transfer.objects.filter(kind=kind, cause=cause).exists()


@transaction.atomic
def hold(wallet: Wallet, amount: int, *, cause: str) -> None:
    """Set `amount` aside for `cause`.

    Raises NotEnoughCredits or, with a debt, PaymentDue, and moves nothing then.
    """
    ident = _lock(wallet)
    if Transfer.objects.filter(kind=Kind.HOLD, cause=cause).exists():
        return
    if owed := balance(wallet).owed:
        raise PaymentDue(owed=owed, extra={"owed": owed})
    lots = _spendable(ident)
    available = sum(lot.balance for lot in lots)
    if available < amount:
        raise NotEnoughCredits(
            price=amount, available=available, extra={"price": amount, "available": available}
        )
    for lot in lots:
        part = min(lot.balance, amount)
        if part:
            held, _new = LedgerAccount.objects.get_or_create(
                wallet=ident, kind=Account.HELD, lot=lot.lot, defaults={"expires_at": lot.expires_at}
            )
            _move(ident, lot, held, part, Kind.HOLD, cause)
            amount -= part


@transaction.atomic
def settle(cause: str, *, captured: int) -> int:
    """End a hold: `captured` is spent, the rest returns to its lots. Returns what was spent.

    Does nothing the second time, or for a cause without a hold. Raises ValueError for more than was held.
    """
    held = list(
        Transfer.objects.filter(kind=Kind.HOLD, cause=cause).select_related("debit", "credit").order_by("id")
    )
    if not held:
        return 0
    ident = _lock(held[0].wallet)
    if Transfer.objects.filter(kind__in=(Kind.CAPTURE, Kind.RELEASE), cause=cause).exists():
        return 0
    if not 0 <= captured <= sum(t.amount for t in held):
        raise ValueError(f"{captured} of {sum(t.amount for t in held)} held credits cannot be captured")
    left, earned = captured, _platform(Account.EARNED)
    for t in held:
        take = min(left, t.amount)
        left -= take
        if take:
            _move(ident, t.credit, earned, take, Kind.CAPTURE, cause)
    _release(ident, held, captured, cause)
    return captured


def _release(ident: uuid.UUID, held: list[Transfer], captured: int, cause: str) -> None:
    """Release what was not captured. Lots are captured in the order of the hold, so the last ones return."""
    for t in held:
        spent = min(captured, t.amount)
        captured -= spent
        if t.amount - spent:
            _move(ident, t.credit, t.debit, t.amount - spent, Kind.RELEASE, cause)
            _settle_debt(ident, t.debit, cause)
            _expire_if_due(t.debit)


@transaction.atomic
def release_all(wallet: Wallet) -> None:
    """End every open hold of a wallet; nothing is captured."""
    own = Transfer.objects.filter(wallet=_lock(wallet))
    ended = own.filter(kind__in=(Kind.CAPTURE, Kind.RELEASE)).values("cause")
    holds = own.filter(kind=Kind.HOLD).exclude(cause__in=ended)
    for cause in set(holds.values_list("cause", flat=True)):
        settle(cause, captured=0)


def expire(now: datetime | None = None) -> int:
    """Expire credits that are past their time, lot by lot; returns how many."""
    due = LedgerAccount.objects.filter(
        kind=Account.AVAILABLE, expires_at__lte=now or timezone.now(), balance__gt=0
    )
    return sum(_expire(ident) for ident in due.order_by("id").values_list("id", flat=True))


@transaction.atomic
def expired(wallet: Any, *, given_for: str) -> int:
    """How many credits of the lots whose causes begin with `given_for` have expired by now."""
    ident = _lock(wallet)
    lots = list(
        Transfer.objects.filter(wallet=ident, cause__startswith=given_for).values_list("lot", flat=True)
    )
    for account in LedgerAccount.objects.filter(wallet=ident, kind=Account.AVAILABLE, lot__in=lots):
        _expire_if_due(account)
    gone = Transfer.objects.filter(kind=Kind.EXPIRE, wallet=ident, lot__in=lots)
    return int(gone.aggregate(n=Sum("amount"))["n"] or 0)


@transaction.atomic
def _expire(ident: int) -> int:
    account = LedgerAccount.objects.select_for_update().get(id=ident)
    amount = account.balance
    if amount:
        earlier = Transfer.objects.filter(kind=Kind.EXPIRE, lot=account.lot).count()
        _move(
            account.wallet,
            account,
            _platform(Account.EXPIRED),
            amount,
            Kind.EXPIRE,
            f"expiry:{account.lot}:{earlier}",
        )
    return amount


def _expire_if_due(account: LedgerAccount) -> None:
    if account.expires_at and account.expires_at <= timezone.now():
        _expire(account.id)


def _settle_debt(ident: uuid.UUID, account: LedgerAccount, cause: str) -> None:
    """Repay the wallet's debt from the credits that just came into `account`."""
    debt = LedgerAccount.objects.filter(wallet=ident, kind=Account.DEBT, balance__lt=0).first()
    if debt is None:
        return
    account.refresh_from_db(fields=["balance"])
    if part := min(-debt.balance, account.balance):
        _move(ident, account, debt, part, Kind.REPAY, cause)


# ---------------------------------------------------------------- parts


@transaction.atomic
def enter(wallet: Any) -> None:
    """Call before several movements in one transaction: locks their accounts in one order, against deadlocks.

    The `earned` account is left out: only a capture writes it, and no such transaction captures.
    """
    _lock(wallet)
    for kind in (Account.ISSUED, Account.TAKEN, Account.EXPIRED):
        _platform(kind)
    shared = LedgerAccount.objects.filter(wallet=None).exclude(kind=Account.EARNED)
    list(shared.select_for_update().order_by("id").values_list("id"))


def _lock(wallet: Any) -> uuid.UUID:
    """Serialise movements of a wallet: lock its row, which may be gone, then its accounts by id."""
    ident: uuid.UUID = wallet.id if isinstance(wallet, Wallet) else wallet
    list(Wallet.objects.select_for_update().filter(id=ident).values_list("id"))
    list(LedgerAccount.objects.select_for_update().filter(wallet=ident).order_by("id").values_list("id"))
    return ident


def _spendable(ident: uuid.UUID) -> list[LedgerAccount]:
    lots = LedgerAccount.objects.filter(wallet=ident, kind=Account.AVAILABLE, balance__gt=0)
    live = lots.exclude(expires_at__lte=timezone.now())
    return list(live.order_by(F("expires_at").asc(nulls_last=True), "id"))


def _platform(kind: str) -> LedgerAccount:
    return LedgerAccount.objects.get_or_create(wallet=None, kind=kind, lot=None)[0]


def _move(
    wallet: Any, debit: LedgerAccount, credit: LedgerAccount, amount: int, kind: str, cause: str
) -> None:
    """Insert a transfer, with the lot of the wallet's account.

    A trigger of the database updates both balances.
    """
    own = debit if debit.wallet else credit
    Transfer.objects.create(
        debit=debit,
        credit=credit,
        amount=amount,
        kind=kind,
        cause=cause,
        lot=own.lot,
        expires_at=own.expires_at,
        wallet=wallet,
    )
