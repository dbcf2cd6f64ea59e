"""Reports and takedown notices. Each is answered with the number of its case."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from config import registry
from config.errors import Invalid, NotFound
from config.web.text import address as normal_address
from ml import media, pdq
from ml.errors import PhotoRefused
from moderation.cases import copies
from moderation.cases.models import DUE, Case, Notice
from moderation.hashes.checks import prints_of

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else
NUMBER = re.compile(f"PF-[{ALPHABET}]{{6}}")
LEAST_SIDE = 64  # px of a picture that is sent

GOOD_FAITH: Any = gettext_lazy(
    "I believe in good faith that this picture was made or shown without the consent of the person it shows, "
    "or against my rights, and what I write here is true. I am that person, or I act for them."
)
PICTURE_UNREADABLE: Any = gettext_lazy(
    "This file cannot be read as a picture. Send a JPEG, PNG, WebP or HEIC of at most 25 MB, or an address or"
    " a description instead."
)
NOTHING_NAMED: Any = gettext_lazy(
    "Say which picture it is: its address here, a description, or the picture itself."
)


@dataclass(frozen=True)
class Sender:
    """Who sends a report or a notice: their account, or else the network that they come from."""

    user: Any = None
    network: str = ""
    contact: str = ""

    @property
    def key(self) -> str:
        """A hash, so that no network address is stored."""
        who = (
            f"user:{self.user.pk}"
            if self.user
            else f"contact:{self.contact}"
            if self.contact
            else self.network
        )
        return hashlib.sha256(f"{settings.SECRET_KEY}:{who}".encode()).hexdigest()


@dataclass(frozen=True)
class Filed:
    """`new`: false where the same person filed the same before. `secret` opens the status page."""

    case: Case
    new: bool
    secret: str = field(default="", repr=False)


def report(sender: Sender, *, kind: str, ident: str, reason: str, text: str = "", address: str = "") -> Filed:
    """A report of something shared or public. Raises NotFound for anything else."""
    subject = reportable(kind, ident)
    facts = {"subject_kind": kind, "subject_id": ident, "owner_id": subject.owner(ident), "reason": reason}
    with transaction.atomic():
        case = _case_of(Case.Kind.REPORT, **facts)
        return _add(case, sender, reason=reason, text=text, address=address)


def open_review(kind: str, ident: Any, *, owner_id: Any, rule: str) -> Case:
    """The case of a picture that a person must look at: `rule` says why. A second call finds the first."""
    facts = {"subject_kind": kind, "subject_id": str(ident), "owner_id": owner_id, "reason": "other"}
    sender = Sender(network=f"screening:{kind}:{ident}")
    with transaction.atomic():
        case = _case_of(Case.Kind.SCREENING, **facts)
        return _add(case, sender, reason="other", text=rule).case


def reportable(kind: str, ident: str) -> registry.Subject:
    """What others can see. Raises NotFound for anything else."""
    subject = registry.subjects.get(kind)
    if subject is None or subject.private:
        raise NotFound
    subject.preview(ident)
    return subject


def take_notice(
    sender: Sender, *, name: str, address: str = "", text: str = "", picture: bytes = b"", reason: str = "me"
) -> Filed:
    """A takedown notice: signed, in good faith, of something at an address, described, or sent as a picture.

    The picture is not kept, only its hashes. What names nothing that is here gets a number too: nobody learns
    from the answer what is here. Raises Invalid.
    """
    if not (address or text or picture):
        raise Invalid(errors={"address": [str(NOTHING_NAMED)]})
    pixels = _pixels(picture) if picture else None
    kind, ident = find_subject(address)
    owner = registry.subjects[kind].owner(ident) if kind else None
    facts = {"subject_kind": kind, "subject_id": ident, "owner_id": owner, "reason": reason}
    said = {"reason": reason, "text": text, "address": address, "name": name, "good_faith": str(GOOD_FAITH)}
    if pixels is not None:
        said["prints"] = prints_of(pdq.forms(pixels))
    with transaction.atomic():
        case = _same_notice(sender, said) or _case_of(Case.Kind.TAKEDOWN, **facts)
        filed = _add(case, sender, **said)
    if pixels is not None and filed.new:
        copies.match(case, pixels)
    return filed


def find_subject(address: str) -> tuple[str, str]:
    """(kind, id) of what is at an address of ours; two empty texts where nothing is."""
    for kind, subject in registry.subjects.items():
        if ident := subject.ident_in(address):
            try:
                subject.owner(ident)
            except NotFound:
                continue
            return kind, ident
    return "", ""


def _pixels(picture: bytes) -> Any:
    try:
        return media.to_array(media.clean(picture, min_side=LEAST_SIDE).jpeg)
    except PhotoRefused:
        raise Invalid(errors={"file": [str(PICTURE_UNREADABLE)]}) from None


def _case_of(kind: str, **facts: Any) -> Case:
    """The open case of this subject, or a new one. Its row is locked until the transaction ends."""
    for _try in range(5):
        if found := _open_case(kind, facts):
            return found
        due = timezone.now() + DUE if kind == Case.Kind.TAKEDOWN else None
        try:
            with transaction.atomic():
                return Case.objects.create(kind=kind, number=_new_number(), due_at=due, **facts)
        except IntegrityError:  # somebody else's report came first, or the number is taken
            continue
    raise RuntimeError("no case could be opened")


def _open_case(kind: str, facts: dict[str, Any]) -> Case | None:
    if not facts["subject_id"]:
        return None
    where = {name: facts[name] for name in ("subject_kind", "subject_id")}
    return Case.objects.open().filter(kind=kind, **where).select_for_update().first()


def _same_notice(sender: Sender, said: dict[str, Any]) -> Case | None:
    """The open case in which this person wrote the same already."""
    same = {name: said.get(name, b"") for name in ("address", "text", "prints")}
    mine = Notice.objects.filter(reporter=sender.key, **same).exclude(case__state=Case.State.DECIDED)
    found = mine.filter(case__kind=Case.Kind.TAKEDOWN).values("case")
    return Case.objects.filter(id__in=found).select_for_update().first()


def _new_number() -> str:
    return "PF-" + "".join(secrets.choice(ALPHABET) for _place in range(6))


def _add(case: Case, sender: Sender, **said: Any) -> Filed:
    """The sender's notice in this case, once. Only the first gets a secret: whoever knows a contact address
    and sends the same again must not get the key to the status page."""
    secret = secrets.token_urlsafe(16)
    known = {"user": sender.user, "contact": sender.contact, "language": translation.get_language() or "en"}
    fields = known | {"secret_hash": hash_of(secret)} | said
    _notice, new = Notice.objects.get_or_create(case=case, reporter=sender.key, defaults=fields)
    if not new:
        return Filed(case, False)
    Case.objects.filter(id=case.id).update(count=F("count") + 1)
    return Filed(case, True, secret)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def takedown_of(number: str, *, secret: str = "", contact: str = "") -> Case:
    """The takedown of this number, for who has its secret or the contact address. Raises NotFound."""
    number = number.upper()
    if not NUMBER.fullmatch(number):
        raise NotFound
    found = Notice.objects.filter(case__number=number, case__kind=Case.Kind.TAKEDOWN)
    if secret:
        found = found.filter(secret_hash=hash_of(secret))
    elif contact:
        found = found.filter(contact=normal_address(contact))
    else:
        raise NotFound
    notice = found.select_related("case").first()
    if notice is None:
        raise NotFound
    return notice.case
