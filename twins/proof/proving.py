"""Turns an accepted selfie into the proof of its twin."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Consent, Kind
from config.errors import NotFound
from twins.proof.models import Invitation, Proof, Selfie


def make_proof(selfie: Selfie) -> Proof:
    """The proof of an accepted selfie; it replaces an earlier one. Needs a transaction in which the twin is
    locked. Raises NotFound when the consent ended meanwhile."""
    now = timezone.now()
    Proof.objects.filter(twin=selfie.twin_id, ended_at=None).update(ended_at=now, embedding=None)
    proof = Proof.objects.create(
        user_id=selfie.user_id,
        twin_id=selfie.twin_id,
        selfie=selfie,
        consent=None if selfie.invitation_id else _consent_of(selfie),
        invitation_id=selfie.invitation_id,
        embedding=selfie.embedding,
        embedder=selfie.embedder,
    )
    proof.photos.set(selfie.twin.photos.accepted().filter(id__in=selfie.matched))
    Selfie.objects.filter(id=selfie.id).update(embedding=None)
    Invitation.objects.filter(id=selfie.invitation_id).update(used_at=now)
    return proof


def _consent_of(selfie: Selfie) -> Consent:
    kind = {"kind": Kind.BIOMETRIC_TWIN, "withdrawn_at": None}
    found = Consent.objects.filter(user=selfie.user_id, **kind).first()
    if found is None:
        raise NotFound
    return found
