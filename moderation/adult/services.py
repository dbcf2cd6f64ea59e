"""The proof of age: asked for, decided, withdrawn, and forgotten when nobody looked."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.notices.services import notify
from accounts.standing import services as standing
from accounts.vault.vault import store
from config import registry
from config.errors import AlreadyFinished, DomainError, Invalid, NotFound
from ml.errors import PhotoRefused
from moderation.adult import verifiers
from moderation.adult.models import AgeCheck
from moderation.adult.rules import AdultOff
from moderation.cases.deciding import LONGEST, SHORTEST, ReasonMissing
from moderation.models import AuditEntry

GROWN = 18
State = AgeCheck.State


class AgeCheckOpen(DomainError):
    code, status = "age_check_open", 409
    message = _("Your age is proved already, or waits to be looked at.")


class DocumentUnreadable(DomainError):
    code = "document_unreadable"
    message = _(
        "This cannot be read as a picture of a document. Send a JPEG, PNG or HEIC of at least 400 pixels a"
        " side, with your date of birth and your face on it."
    )


class DocumentGone(DomainError):
    code, status = "document_gone", 410
    message = _("This document is deleted: it is kept until the decision, at most 7 days.")


class LookFirst(DomainError):
    code, status = "look_first", 409
    message = _("Look at the document first.")


# ---------------------------------------------------------------- what is so


def is_on() -> bool:
    return bool(settings.ADULT_CONTENT)


def proof_of(user_id: Any) -> AgeCheck | None:
    found: AgeCheck | None = AgeCheck.objects.filter(user=user_id).verified().first()
    return found


def is_adult(user: Any) -> bool:
    """Whether a proof stands, and nothing that the user said is against it."""
    born: date | None = user.birth_date
    return proof_of(user.pk) is not None and not (born and _years_since(born) < GROWN)


def _years_since(born: date) -> int:
    today = timezone.now().date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def is_allowed_country(user_id: Any) -> bool:
    proof = proof_of(user_id)
    return proof is not None and proof.country in settings.ADULT_COUNTRIES


# ---------------------------------------------------------------- the user


def ask(user: Any, *, country: str, document: bytes = b"") -> tuple[AgeCheck, str]:
    """Begins a proof of age. Returns it, and the address of the provider's page, "" for the built-in one.

    Raises AdultOff, Suspended, Invalid, AgeCheckOpen, DocumentUnreadable.
    """
    if not is_on():
        raise AdultOff
    standing.require(user.pk)
    if country not in settings.ADULT_COUNTRIES:
        raise Invalid(errors={"country": [str(_("Choose a country of the list."))]})
    if AgeCheck.objects.filter(user=user, state__in=(State.WAITING, State.VERIFIED)).exists():
        raise AgeCheckOpen
    verifier = verifiers.get()
    check = AgeCheck(user=user, country=country, verifier=verifier.name)
    if not verifier.takes_document:
        check.document_deleted_at = timezone.now()  # there never is one
    return check, _begin(check, verifier, document)


def _begin(check: AgeCheck, verifier: verifiers.Verifier, document: bytes) -> str:
    try:
        where = verifier.begin(check, document)
        with transaction.atomic():
            check.save(force_insert=True)
    except PhotoRefused:
        raise DocumentUnreadable from None
    except IntegrityError:  # of two at once the first counts
        store(check.user_id).delete(check.document)
        raise AgeCheckOpen from None
    return where


@transaction.atomic
def withdraw(user: Any) -> None:
    """Takes the proof or the request back, and deletes the document. Raises NotFound."""
    check = AgeCheck.objects.filter(user=user, state__in=(State.WAITING, State.VERIFIED)).first()
    if check is None:
        raise NotFound
    delete_document(check)
    check.delete()


# ---------------------------------------------------------------- staff, and the provider


def look(check: AgeCheck, *, actor: Any, reason: str) -> bytes:
    """The document, after an audit entry. Raises ReasonMissing, DocumentGone."""
    reason = _reason(reason)
    if check.document_deleted_at:
        raise DocumentGone
    registry.audit(actor, "look_document", check, reason)
    try:
        return store(check.user_id).read(check.document)
    except FileNotFoundError:
        raise DocumentGone from None


@transaction.atomic
def decide(check: AgeCheck, *, actor: Any, adult: bool, reason: str) -> None:
    """The document goes with the decision. Staff do not decide about themselves.

    Raises ReasonMissing, NotFound, LookFirst, and AlreadyFinished for one that does not wait.
    """
    reason = _reason(reason)
    if actor is not None and check.user_id == actor.pk:
        raise NotFound
    if adult and actor is not None and not _has_looked(check, actor):
        raise LookFirst
    now = timezone.now()
    said = {"state": State.VERIFIED if adult else State.REFUSED, "reason": "" if adult else reason}
    if not AgeCheck.objects.filter(id=check.id).waiting().update(decided_at=now, by=actor, **said):
        raise AlreadyFinished
    delete_document(check)
    registry.audit(actor, "age_verified" if adult else "age_refused", check, reason)
    notify(check.user, "age_decided", about=check, adult=adult)


def _has_looked(check: AgeCheck, actor: Any) -> bool:
    looks = AuditEntry.objects.filter(actor=actor, verb="look_document", subject_id=str(check.pk))
    return looks.exists()


def delete_document(check: AgeCheck) -> None:
    AgeCheck.objects.filter(id=check.id, document_deleted_at=None).update(document_deleted_at=timezone.now())
    files, name = store(check.user_id), check.document
    transaction.on_commit(lambda: files.delete(name), robust=True)


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not SHORTEST <= len(text) <= LONGEST:
        raise ReasonMissing(shortest=SHORTEST, longest=LONGEST)
    return text
