"""The live selfie: draws a challenge, takes its frames and enqueues their check (tasks.py)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.consents import ConsentRequired
from accounts.standing import services as standing
from accounts.vault.vault import store
from config.errors import DomainError, RateLimited
from ml.types import SELFIE_STEPS
from twins import services
from twins.proof import frames, invitations, subjects
from twins.proof.links import LinkUsed
from twins.proof.models import VALID, Challenge, Invitation, Selfie

A_DAY = 30  # challenges of one twin in a day, at most


class ChallengeExpired(DomainError):
    code, status = "challenge_expired", 409
    message = _("This took longer than two minutes. Nothing was lost; start again.")


class ChallengeUsed(DomainError):
    code, status = "challenge_used", 409
    message = _("These movements were answered already. Start again to get new ones.")


class SelfieInProgress(DomainError):
    code, status = "selfie_in_progress", 409
    message = _("Your last selfie is still being checked. Wait for its result.")


class ByLinkOnly(DomainError):
    code, status = "consent_by_link", 409
    message = subjects.BY_LINK


def draw_challenge(twin: Any, *, session: str, invitation: Invitation | None = None) -> Challenge:
    """Draws the order of movements for one selfie. Earlier ones of this session end.

    Raises ByLinkOnly, ConsentRequired, TwinDisabled, NotEnoughPhotos, SelfieInProgress, RateLimited.
    """
    _require_may(twin, invitation, session)
    services.enough_photos(twin)
    _require_no_open(twin)
    now = timezone.now()
    mine = Challenge.objects.filter(twin=twin)
    if mine.filter(created_at__gt=now - timedelta(days=1)).count() >= A_DAY:
        raise RateLimited
    mine.filter(session=session, used_at=None, expires_at__gt=now).update(expires_at=now)
    return Challenge.objects.create(
        user=twin.user,
        twin=twin,
        invitation=invitation,
        session=session,
        steps=drawn_order(),
        expires_at=now + VALID,
    )


def drawn_order() -> list[str]:
    """The movements in an order that nobody can foresee."""
    return secrets.SystemRandom().sample(SELFIE_STEPS, len(SELFIE_STEPS))


def take_selfie(
    twin: Any,
    *,
    challenge: Any,
    session: str,
    movements: frames.Movements,
    invitation: Invitation | None = None,
) -> Selfie:
    """Uses the challenge up, keeps the frames and enqueues their check.

    Raises NotFound for the challenge of another twin, session or link, ChallengeExpired, ChallengeUsed,
    ByLinkOnly, ConsentRequired, TwinDisabled, NotEnoughPhotos, SelfieInProgress, StorageFull.
    """
    own = Challenge.objects.filter(twin=twin, session=session, invitation=invitation)
    found: Challenge = own.get_or_404(challenge)
    _require_may(twin, invitation, session)
    if found.used_at:
        raise ChallengeUsed
    if found.expires_at <= timezone.now():
        raise ChallengeExpired
    services.enough_photos(twin)
    selfie = Selfie(
        user=twin.user,
        twin=twin,
        invitation=invitation,
        challenge=found,
        shown=False,
        sizes=[[len(frame) for frame in each] for each in movements],
        frame_hashes=frames.hashes(movements),
        frames_hash=frames.hash_of(movements),
    )
    _save(selfie, movements)
    return selfie


def _save(selfie: Selfie, movements: frames.Movements) -> None:
    """Writes the frames, then uses the challenge up and inserts the row in one transaction."""
    frames.write(selfie, movements)
    try:
        with transaction.atomic():
            _use_up(selfie.challenge)
            selfie.enqueue()
    except Exception as error:
        store(selfie.user_id).delete(selfie.frames_file)
        if isinstance(error, IntegrityError) and "one_selfie" in str(error):
            raise SelfieInProgress from error
        raise


def _use_up(challenge: Challenge) -> None:
    """Raises ChallengeUsed for the second of two requests at once."""
    unused = Challenge.objects.filter(id=challenge.id, used_at=None)
    if not unused.update(used_at=timezone.now()):
        raise ChallengeUsed


def _require_may(twin: Any, invitation: Invitation | None, session: str) -> None:
    """The owner answers for a twin of the owner's own face, the invited person for theirs, in the browser in
    which they agreed."""
    if twin.of_other != (invitation is not None):
        raise ByLinkOnly
    if invitation and invitation.used_at:
        raise LinkUsed
    if invitation and not invitations.agreed_here(invitation, session):
        raise ConsentRequired(subjects.BY_LINK)
    standing.require(twin.user_id)
    subjects.require_consent(twin)
    services.require_enabled(twin)


def _require_no_open(twin: Any) -> None:
    if Selfie.objects.filter(twin=twin).open().exists():
        raise SelfieInProgress
