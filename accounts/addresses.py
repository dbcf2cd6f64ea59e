"""Whose an e-mail address is.

An account has one primary address. Anybody can type any address at sign-up, so several accounts may have the
same one until one of them proves it. Sign-up, login and reset tell nobody whether an address is known.

Who typed an address before its owner came (pre-hijack) keeps no way in: the proof of an address, by a link in
an e-mail, ends every way in that the prover does not hold at that moment.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import devices, sessions, staff
from accounts.models import User

MOST = 2  # unproven accounts that one login from an unknown device tries: each costs the check of a password


def holders(email: str) -> QuerySet[User]:
    """The accounts that log in with this address: first the one that proved it, then the newest."""
    rows = EmailAddress.objects.filter(user=OuterRef("pk"))
    primary = rows.filter(primary=True)
    found = User.objects.annotate(proven=Exists(rows.filter(email=email, verified=True))).filter(
        Exists(primary.filter(email=email)) | (Q(email=email) & ~Exists(primary))
    )
    return found.order_by("-proven", "-date_joined")


def with_password(found: QuerySet[User], password: str) -> User | None:
    """The first of these holders with this password. Tried are the proven one and MOST others, the oldest
    and the newest: so later sign-ups with an address keep its first account out on no device.

    As many passwords are always checked. Else who has an account with an address of somebody else could tell
    by the time, or by an account of theirs that is not tried any more, whether another one proved it.
    """
    others = found.filter(proven=False)
    ends = [*others.order_by("date_joined")[:1], *others[: MOST - 1]]
    tried = [*found.filter(proven=True)[:1], *dict.fromkeys(ends)]
    for _missing in range(MOST + 1 - len(tried)):
        User().set_password(password)
    right = [user for user in tried if user.check_password(password)]
    return right[0] if right else None


def is_proven_by_another(address: EmailAddress) -> bool:
    return not address.can_set_verified()


@transaction.atomic
def keep_primary(user: Any, email_address: EmailAddress, **_signal: Any) -> None:
    """An account that changes an address before it was proven has the new one as its only one."""
    if EmailAddress.objects.filter(user=user, primary=True).exists():
        return
    EmailAddress.objects.filter(pk=email_address.pk).update(primary=True)
    user.email, user.shares_email = email_address.email, True
    user.save(update_fields=["email"])


def claim(address: EmailAddress) -> None:
    """Takes the address from accounts that have it and did not prove it. Raises nothing when it is proven."""
    others = User.objects.filter(email=address.email).exclude(pk=address.user_id)
    if not is_proven_by_another(address):
        others.update(email=None)


@transaction.atomic
def drop_other_ways_in(request: Any, address: EmailAddress, *, holds_session: bool) -> None:
    """After the proof of an address: its prover keeps what they hold in this request, and nothing else stays.

    Somebody with a session of the account knows its password and passed its second factor. Without one, the
    password, the phone number and the second factor may be a stranger's, and go too; staff keep the factor,
    as a mailbox alone must not open the admin.
    """
    user = address.user
    EmailAddress.objects.filter(user=user).exclude(pk=address.pk).delete()
    sessions.end_all(user, but=request.session.session_key if holds_session else None)
    if not holds_session:
        _drop_factor(user)
        user.set_unusable_password()
        user.phone = None
        user.save(update_fields=["password", "phone"])


def _drop_factor(user: Any) -> None:
    """Also the accounts elsewhere: whoever typed the address may have connected theirs."""
    SocialAccount.objects.filter(user=user).delete()
    if not staff.is_staff(user):
        Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def after_reset(request: Any, user: Any, **_signal: Any) -> None:
    """A new password, set by a link to the account's address, proves that address.

    The second factor of a proven account, and of staff, stays: a mailbox alone must not replace it.
    """
    address, _new = EmailAddress.objects.get_or_create(user=user, email=user.address)
    if not user.proven_address and not is_proven_by_another(address):
        claim(address)
        address.verified = True
        address.set_as_primary()
        _drop_factor(user)
        User.objects.filter(pk=user.pk).update(phone=None)
    EmailAddress.objects.filter(user=user).exclude(pk=address.pk).delete()
    sessions.end_all(user)
    devices.remember(request, user)
