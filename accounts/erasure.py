"""Erases an account: rows, files, weights, vectors and the key to the files.

`ask` commits the request and ends every session; `finish` does the rest in a worker. Each step of `finish`
may be repeated, and the task `accounts.erasures` repeats `finish` until all is done.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import emails, sessions, tombstones
from accounts.models import Erasure, User
from accounts.phones.models import PhoneCode
from accounts.retention import RECEIPT
from accounts.vault import vault
from config import registry
from config.errors import DomainError, NotAuthenticated
from config.runs import events
from config.runs.models import kinds

ROUNDS = 5  # tries: a run that begins while the others are stopped needs another round


class StaffAccount(DomainError):
    code, status = "staff_account", 403
    message = _("An account of staff cannot be erased. Somebody else first takes the staff's rights from it.")


class StillWorking(Exception):
    """A run began after all runs were stopped."""


# ---------------------------------------------------------------- asking


@transaction.atomic
def ask(user: Any) -> Erasure:
    """Records the request and closes the account: once this commits, nobody can log in to it.

    A second call returns the first request. Raises StaffAccount, and NotAuthenticated when the account is
    erased already.
    """
    account = User.objects.select_for_update().filter(id=user.id).first()
    if account is None:
        raise NotAuthenticated
    if account.is_staff or account.is_superuser:
        raise StaffAccount
    erasure, new = Erasure.objects.get_or_create(
        account=account.id, defaults={"email": account.address or "", "language": account.language}
    )
    if new:
        _lock_out(account)
        # Again in `finish`. Here it is for a backup restored before a worker came to it.
        transaction.on_commit(partial(tombstones.write, account.id, erasure.id), robust=True)
    return erasure


def _lock_out(account: User) -> None:
    """Ends sessions, tokens and event streams, and frees the e-mail address for a new account."""
    for kind in (UserSession, EmailAddress, Authenticator):
        _forget_in_log(kind, kind.objects.filter(user=account))
    sessions.end_all(account)
    for kind in (EmailAddress, Authenticator):
        kind.objects.filter(user=account).delete()
    PhoneCode.objects.filter(Q(user=account) | Q(phone=account.phone or "")).delete()
    User.objects.filter(id=account.id).update(
        is_active=False, email=None, phone=None, display_name="", password=make_password(None)
    )
    events.end_streams(account.id)


# ---------------------------------------------------------------- erasing


def finish(erasure: Erasure) -> None:
    """Erases what is left, then sends the receipt. After an error the next call goes on from there."""
    if erasure.account is not None:
        _erase(erasure.account, erasure.id)
        done = Erasure.objects.filter(id=erasure.id, account__isnull=False)
        done.update(account=None, erased_at=timezone.now())
    _send_receipt(erasure.id)


def _erase(account: UUID, receipt: UUID) -> None:
    tombstones.write(account, receipt)
    user = User.objects.filter(id=account).first()
    if user:
        _stop_runs(user)
        for eraser in reversed(registry.erasers):
            eraser.before(user)
        _stop_and_delete(user)
    vault.erase_files(account)


def _stop_and_delete(user: User) -> None:
    for _round in range(ROUNDS - 1):
        _stop_runs(user)
        try:
            return _delete(user)
        except (StillWorking, DatabaseError):  # a deadlock, or a row that was added meanwhile
            continue
    _stop_runs(user)
    return _delete(user)


def _stop_runs(user: User) -> None:
    """Stops each run in its own transaction, which releases its hold. Its worker can deliver nothing more."""
    for kind in kinds():
        for run in kind.objects.filter(user=user).open():
            run.stop()


@transaction.atomic
def _delete(user: User) -> None:
    """Deletes all rows and the key. The lock on the user makes inserts that refer to the user wait."""
    if not User.objects.select_for_update().filter(id=user.id).exists():
        return
    if any(kind.objects.filter(user=user).open().exists() for kind in kinds()):
        raise StillWorking
    for eraser in reversed(registry.erasers):
        eraser.erase(user)
        for model, path in eraser.models.items():
            found = model._base_manager.filter(**{path: user.pk})
            _forget_in_log(model, found)
            found.only("pk").delete()  # Django reads what it deletes: not all columns of a whole gallery


def _forget_in_log(model: Any, found: Any) -> None:
    """Removes names and texts from the admin's log; the fact that staff changed something stays."""
    kind = ContentType.objects.get_for_model(model)
    names = [str(key) for key in found.values_list("pk", flat=True)]
    LogEntry.objects.filter(content_type=kind, object_id__in=names).update(
        object_id=None, object_repr="", change_message=""
    )


def erase_rest(user: User) -> None:
    """Erases data without a foreign key to the user: sessions, and request counts in the cache."""
    end_sessions(user)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_cache WHERE cache_key LIKE %s", [f"%{user.id}%"])


def end_sessions(user: User) -> None:
    """Ends every session that names the user.

    A login that waits for its second factor and a password reset under way name the user without belonging
    to them.
    """
    Session.objects.filter(session_key__in=sessions_of(user.id)).delete()


def sessions_of(account: UUID) -> list[str]:
    """The keys of the sessions that name this account."""
    names = (str(account), account.hex)
    found = ((s.session_key, str(s.get_decoded())) for s in Session.objects.iterator())
    return [key for key, data in found if any(name in data for name in names)]


@transaction.atomic
def _send_receipt(ident: UUID) -> None:
    """Sends the receipt once: a second caller waits for the row and finds no address in it."""
    erasure = (
        Erasure.objects.select_for_update()
        .filter(id=ident, erased_at__isnull=False)
        .exclude(email="")
        .first()
    )
    if erasure is None or erasure.erased_at is None:
        return
    sent = emails.send_receipt(erasure.email, erasure.language, erasure.id)
    if sent or erasure.erased_at < timezone.now() - RECEIPT:
        Erasure.objects.filter(id=ident).update(email="")


def unfinished() -> Any:
    """Those that wait for their receipt alone come last: a mail server that is away holds nothing up."""
    found = Erasure.objects.filter(Q(erased_at=None) | ~Q(email=""))
    return found.order_by(F("erased_at").asc(nulls_first=True), "asked_at")


def replay() -> int:
    """Erases again the accounts that a restored backup brought back, without a receipt. Returns how many."""
    found = tombstones.alive()
    for account in found:
        erasure, _new = Erasure.objects.get_or_create(account=account)
        finish(erasure)
    return len(found)
