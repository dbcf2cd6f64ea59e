"""Whether a twin's proof holds: its consent stands, and its face is that of all photos of the twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from ml.nets.scales import SCALES
from twins.proof.models import Proof

SURE = 0.5  # probability of the same person from which a photo that was added later counts as matched
PROFILE = "profile"  # the hint of a photo that is not judged for who it shows


class VerificationRequired(DomainError):
    code, status = "verification_required", 403
    message = _(
        "Pictures by this base can deceive, so it asks for a live selfie first of the person whom the photos"
        " show. Do it here: %(where)s"
    )


UNLIKE = _(
    "Some photos do not show the face of the live selfie. Remove them, or take the selfie again here:"
    " %(where)s"
)


UNLIKE_HERE = _("Some photos do not show the face of the live selfie. Remove them, or take the selfie again.")


def live_proof(twin: Any) -> Proof | None:
    return Proof.objects.live().filter(twin=twin).first()


def strangers(proof: Proof) -> list[Any]:
    """The accepted photos that the proof does not cover: added after it, and not of its face."""
    later = proof.twin.photos.accepted().exclude(proofs=proof)
    return [photo for photo in later if not _matches(proof, photo)]


def covers(likeness: float | None, photo: Any) -> bool:
    """Whether a selfie with this likeness to a photo speaks for it. Nobody can tell by a profile; the twin's
    other photos say who it is."""
    return PROFILE in photo.hints if likeness is None else likeness >= SURE


def _matches(proof: Proof, photo: Any) -> bool:
    if PROFILE in photo.hints:
        return True
    if proof.embedding is None or photo.embedding is None or photo.embedder != proof.embedder:
        return False
    if photo.embedder not in SCALES:
        return False
    apart = float(np.linalg.norm(np.asarray(proof.embedding) - np.asarray(photo.embedding)))
    return SCALES[photo.embedder].probability(apart) >= SURE


def require(twin: Any) -> Proof:
    """The proof that covers all photos of the twin. Later photos that match join it.

    Raises VerificationRequired.
    """
    proof, where = live_proof(twin), address(twin)
    if proof is None:
        raise VerificationRequired(where=where, extra={"where": where})
    if unknown := strangers(proof):
        facts = {"where": where, "photos": [str(photo.id) for photo in unknown]}
        raise VerificationRequired(UNLIKE, where=where, extra=facts)
    proof.photos.add(*twin.photos.accepted().exclude(proofs=proof))
    return proof


def address(twin: Any) -> str:
    """The page where the selfie is taken."""
    return f"{settings.ORIGIN}/twins/{twin.id}/verify/"
