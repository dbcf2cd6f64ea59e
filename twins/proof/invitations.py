"""Consent of somebody else than the owner: the owner sends a link, that person agrees and withdraws by links.

One row is one person's consent. A new link for a person who agreed already keeps the row, so the links that
withdraw go on working.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from accounts import consents
from accounts.consents import WORDING
from accounts.models import Kind
from accounts.notices.services import notify
from config.errors import DomainError, Invalid, NotFound
from twins import services
from twins.models import Twin
from twins.proof import links, subjects
from twins.proof.models import INVITED, Invitation

WORDS: Any = gettext_lazy(
    "I am 18 or older and the photos of this twin show me. I agree that PhotoFlux measures my face in them"
    " and in my selfie to check both, to train a model of my appearance for the person who sent me this link,"
    " and to compare its pictures with me. I can withdraw this at any time by my own link: the twin is then"
    " disabled at once, and its photos, its models and the measurements of my face are deleted."
)


class TwinHasPhotos(DomainError):
    code, status = "twin_has_photos", 409
    message = gettext_lazy(
        "The photos of this twin were sent as your own. Make a new twin for somebody else, before any photo."
    )


class AlreadyAgreed(DomainError):
    code, status = "already_agreed", 409
    message = gettext_lazy("This person has agreed already, so only they can end it, by their own link.")


# ---------------------------------------------------------------- the owner's side


@transaction.atomic
def invite(twin: Twin) -> tuple[Invitation, str]:
    """A new consent link and its token. It ends the one before. From then on the twin is somebody else's.

    Raises TwinHasPhotos, TwinDisabled, TwinReadOnly.
    """
    locked = services.locked_twin(twin.id)
    services.require_enabled(locked)
    services.require_use(locked)
    if not locked.of_other:
        if locked.photos.of_twin().exists():
            raise TwinHasPhotos
        Twin.objects.filter(id=twin.id).update(of_other=True)
    live = _live(locked).select_for_update().first()
    if live and live.agreed_at:
        return live, _renew(live)
    _live(locked).update(revoked_at=timezone.now())
    return links.make(Invitation, valid=INVITED, user=locked.user, twin=locked)


def _live(twin: Twin) -> Any:
    return Invitation.objects.filter(twin=twin, revoked_at=None, withdrawn_at=None)


def _renew(invitation: Invitation) -> str:
    """Another link for the same consent: for a second selfie, or when the first link ran out."""
    token, hashed = links.new_token()
    Invitation.objects.filter(id=invitation.id).update(
        token_hash=hashed, expires_at=timezone.now() + INVITED, used_at=None, session=""
    )
    return token


def revoke(twin: Twin) -> None:
    """Ends a link that nobody has agreed to. Raises NotFound, AlreadyAgreed."""
    if _live(twin).filter(agreed_at=None).update(revoked_at=timezone.now()):
        return
    raise AlreadyAgreed if _live(twin).exists() else NotFound


# ---------------------------------------------------------------- the person's side


def opened(token: str, session: str) -> Invitation:
    """The invitation behind a link, for the browser `session`. Raises NotFound, LinkUsed, LinkOver."""
    found: Invitation = links.find(Invitation, token)
    if found.withdrawn_at:
        raise links.LinkOver
    if found.used_at:
        if session and found.session == session:
            return found
        raise links.LinkUsed
    links.require_open(found)
    return found


@transaction.atomic
def agree(invitation: Invitation, *, session: str, version: str) -> str:
    """Records the consent with its wording; returns the token of the link that withdraws it.

    Whoever opens the link in another browser reads and agrees again. Raises Invalid, LinkUsed, LinkOver.
    """
    now = Invitation.objects.select_for_update(of=("self",)).get(id=invitation.id)
    if now.used_at:
        raise links.LinkUsed
    links.require_open(now)
    if version != WORDING[Kind.BIOMETRIC_TWIN][0]:
        raise Invalid(errors={"version": [str(consents.WORDING_CHANGED)]})
    token = secrets.token_urlsafe(24)
    now.version, now.wording, now.language = version, str(WORDS), translation.get_language() or "en"
    now.agreed_at, now.session = timezone.now(), session
    now.withdrawal_hashes = [*now.withdrawal_hashes, links.hash_of(token)]
    now.save()
    return token


def agreed_here(invitation: Invitation, session: str) -> bool:
    """Whether this browser is the one that agreed, to the current wording."""
    return bool(session) and invitation.session == session and subjects.has_consent(invitation.twin)


def withdrawable(token: str) -> Invitation:
    """Raises NotFound."""
    found: Invitation = links.of_hash(Invitation, withdrawal_hashes__contains=[links.hash_of(token)])
    return found


@transaction.atomic
def withdraw(invitation: Invitation) -> None:
    """Ends the consent: disables the twin, deletes its photos, models and measurements. A second call does
    nothing."""
    open_ = Invitation.objects.filter(id=invitation.id, withdrawn_at=None)
    if not open_.update(withdrawn_at=timezone.now()):
        return
    twin = invitation.twin
    services.disable(twin.user, Twin.objects.filter(id=twin.id))
    for photo in twin.photos.all():
        services.delete_photo(photo)
    notify(twin.user, "consent_withdrawn", about=twin)
