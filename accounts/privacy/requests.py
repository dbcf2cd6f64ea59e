"""Requests about privacy without an account: asked on a page, proved by a link, answered by staff.

The answer to whoever asks is always the same, whether or not there is an account with this address. The
e-mail holds nothing that somebody typed. Whoever has the address confirms with any of the links that were
sent there, so nobody can use up another person's e-mails.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import emails, retention
from accounts.privacy.models import PrivacyRequest
from config import registry
from config.errors import DomainError, Invalid, NotFound, RateLimited

SALT = "privacy-request"
MAILS, MOST = 3, 20  # a day, to one address: e-mails, and requests that are recorded
DAY = timedelta(days=1)


class AlreadyAnswered(DomainError):
    code, status = "already_answered", 409
    message = gettext_lazy("This request is answered already.")


class NotProved(DomainError):
    code, status = "not_proved", 409
    message = gettext_lazy("The address is not proved yet. Nobody has opened the link in the e-mail.")


def ask(*, kind: str, email: str, details: str, language: str) -> PrivacyRequest:
    """Records the request and sends the link. Raises RateLimited."""
    since = PrivacyRequest.objects.filter(email=email, asked_at__gt=timezone.now() - DAY)
    if since.count() >= MOST:
        raise RateLimited
    made = PrivacyRequest.objects.create(kind=kind, email=email, details=details, language=language)
    if since.filter(mailed_at__isnull=False).count() < MAILS:
        _send_link(made)
    return made


def _send_link(made: PrivacyRequest) -> None:
    def words() -> tuple[str, str]:
        text = _(
            "Somebody asked us something about the data that belongs to this address.\n\n"
            "If it was you, open this link and confirm it: %(link)s\n\n"
            "If it was not you, do nothing: nothing happens without the link. It works for %(time)s.\n\n"
            "Number: %(number)s"
        )
        facts = {"link": link(made), "time": retention.RULES["requests"].time, "number": made.number}
        return _("Confirm your request"), text % facts

    if emails.send(made.email, made.language, words):
        PrivacyRequest.objects.filter(id=made.id).update(mailed_at=timezone.now())


def link(made: PrivacyRequest) -> str:
    where = reverse("privacy_confirm", args=[signing.dumps(made.id.hex, salt=SALT)])
    return f"{settings.ORIGIN}{where}"


def of_link(token: str) -> QuerySet[PrivacyRequest]:
    """The requests of the address that a link was sent to. Raises NotFound."""
    try:
        ident = signing.loads(token, salt=SALT, max_age=retention.kept("requests"))
    except signing.BadSignature:
        raise NotFound from None
    made = PrivacyRequest.objects.filter(id=ident).first()
    if made is None:
        raise NotFound
    return PrivacyRequest.objects.filter(email=made.email)


def prove(token: str, *, number: str) -> PrivacyRequest:
    """Confirms one of the address's requests. A second call changes nothing. Raises NotFound."""
    made = next((each for each in of_link(token) if each.number == number), None)
    if made is None:
        raise NotFound
    PrivacyRequest.objects.filter(id=made.id, proved_at=None).update(proved_at=timezone.now())
    return made


@transaction.atomic
def answer(made: PrivacyRequest, *, actor: Any, outcome: str, reply: str) -> PrivacyRequest:
    """Records the answer of staff and sends it. Raises Invalid, NotProved, AlreadyAnswered."""
    now = PrivacyRequest.objects.select_for_update().get(id=made.id)
    if now.answered_at:
        raise AlreadyAnswered
    if now.proved_at is None:
        raise NotProved
    if outcome not in PrivacyRequest.Outcome.values:
        raise Invalid(errors={"outcome": [_("Choose an answer.")]})
    if outcome == PrivacyRequest.Outcome.REFUSED and not reply.strip():
        raise Invalid(errors={"reply": [_("Say why it is refused.")]})
    now.outcome, now.reply, now.answered_at = outcome, reply.strip(), timezone.now()
    now.save(update_fields=["outcome", "reply", "answered_at"])
    registry.audit(actor, "answer_privacy_request", now, f"{now.number} {outcome}")
    transaction.on_commit(partial(_send_answer, now), robust=True)
    return now


ANSWERS = {
    PrivacyRequest.Outcome.DONE: gettext_lazy("We did what you asked for."),
    PrivacyRequest.Outcome.NOTHING: gettext_lazy("We looked, and keep nothing that belongs to this address."),
    PrivacyRequest.Outcome.REFUSED: gettext_lazy("We cannot do what you asked for."),
}


def _send_answer(made: PrivacyRequest) -> None:
    def words() -> tuple[str, str]:
        asked = _("Your request %(number)s of %(day)s:") % {
            "number": made.number,
            "day": date_format(made.asked_at, "DATE_FORMAT"),
        }
        rights = _("If you do not agree, you can answer us or ask a data protection authority.")
        said = [asked, str(ANSWERS[PrivacyRequest.Outcome(made.outcome)]), made.reply, rights]
        return _("The answer to your request"), "\n\n".join(filter(None, said))

    emails.send(made.email, made.language, words)
