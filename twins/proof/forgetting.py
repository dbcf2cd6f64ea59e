"""What the end of a consent, of a twin or of a day takes away of selfies: vectors, measures, frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from twins.proof.models import KEPT, Challenge, PhoneLink, Proof, Selfie


def forget(twins: Sequence[Any]) -> None:
    """Ends the proofs and challenges of these twins. Files go on commit. Needs a transaction."""
    now = timezone.now()
    Proof.objects.filter(twin__in=twins, ended_at=None).update(ended_at=now)
    Proof.objects.filter(twin__in=twins).update(embedding=None)
    Challenge.objects.filter(twin__in=twins, used_at=None).update(used_at=now)
    selfies = Selfie.objects.filter(twin__in=twins)
    for selfie in selfies.with_frames():
        selfie.delete_frames()
    selfies.waiting().update(accepted=False, code="selfie_withdrawn", decided_at=now)
    selfies.update(embedding=None, measures={}, likeness=[])


def tidy_selfies() -> int:
    """Deletes the frames of older selfies; returns of how many. One that waits for staff counts as refused
    then: nobody can look at it any more."""
    old = Selfie.objects.with_frames().filter(created_at__lt=timezone.now() - KEPT)
    done = 0
    for selfie in old:
        with transaction.atomic():
            _give_up_waiting(selfie)
            selfie.delete_frames()
        done += 1
    _forget_unanswered()
    return done


def _forget_unanswered() -> None:
    """Deletes challenges that nobody answered, and links to phones, once they are of no use."""
    yesterday = timezone.now() - timedelta(days=1)
    Challenge.objects.filter(selfie=None, created_at__lt=yesterday).delete()
    PhoneLink.objects.filter(expires_at__lt=yesterday).delete()


def _give_up_waiting(selfie: Selfie) -> None:
    waiting = Selfie.objects.filter(id=selfie.id).waiting()
    waiting.update(
        accepted=False, code="selfie_not_reviewed", decided_at=timezone.now(), embedding=None, measures={}
    )
