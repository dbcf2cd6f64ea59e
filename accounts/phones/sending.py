"""Sends a code and notes what becomes of it, after the answer: so no time tells who has an account."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import emails
from accounts.models import User
from accounts.phones.models import Channel, PhoneCode, State
from accounts.phones.senders import SmsFailed, SmsUnsure

log = logging.getLogger(__name__)
EARLIER = {  # what each state may replace: callbacks come twice, and in any order
    State.SENT: (State.WAITING,),
    State.DELIVERED: (State.WAITING, State.SENT),
    State.FAILED: (State.WAITING, State.SENT),
}


def deliver(row: PhoneCode, code: str, language: str) -> None:
    """Raises nothing: nobody waits for it."""
    try:
        (_mail if row.channel == Channel.EMAIL else _text)(row, code, language)
    except Exception:
        log.exception("the code %s was not sent", row.reference)
        note(row.reference, State.FAILED, "internal")


def _text(row: PhoneCode, code: str, language: str) -> None:
    send = import_string(f"accounts.phones.senders.{settings.SMS_SENDER}.send")
    try:
        message = send(row.phone, words(code, language), str(row.reference))
    except SmsFailed as error:
        log.warning("no text message: %s", error)
        note(row.reference, State.FAILED, error.code)
    except SmsUnsure as error:  # it may have been sent, so nothing is sent again
        log.warning("perhaps no text message: %s", error)
    else:
        PhoneCode.objects.filter(pk=row.pk).update(message=message)
        note(row.reference, State.SENT)


def words(code: str, language: str) -> str:
    """At most 70 characters, which is one message also in Chinese."""
    with override(language):
        return _("%(code)s is your PhotoFlux code. It is valid for 5 minutes.") % {"code": code}


def _mail(row: PhoneCode, code: str, language: str) -> None:
    """To the proven address of who has the number. If there is none, nothing is sent, and nobody is told."""
    user = row.user or User.objects.filter(phone=row.phone, is_active=True).first()
    address = user.proven_address if user else None
    note(row.reference, State.SENT)
    if user is None or not address:
        return
    PhoneCode.objects.filter(pk=row.pk).update(user=user)
    emails.send(address, user.language or language, lambda: _email(code))


def _email(code: str) -> tuple[str, str]:
    text = _(
        "Your code is %(code)s. It is valid for 5 minutes.\n\n"
        "Type it on the page that asked for it, and tell it to nobody. If you asked for none, do nothing:"
        " without the code nobody gets in."
    )
    return _("Your code for PhotoFlux"), text % {"code": code}


def tell_change(user: Any) -> None:
    """So that somebody whose number is replaced by a stranger learns of it."""

    def said() -> tuple[str, str]:
        text = _(
            "The phone number of your account was changed or removed.\n\n"
            "If that was not you, set a new password and look where you are logged in: %(url)s"
        )
        return _("Your phone number was changed"), text % {"url": f"{settings.ORIGIN}/account/"}

    emails.tell(user.id, said)


def note(reference: Any, state: State, error: str = "") -> bool:
    """Returns whether it was news."""
    found = PhoneCode.objects.filter(reference=reference, state__in=EARLIER[state])
    return bool(found.update(state=state, error=error[:40]))
