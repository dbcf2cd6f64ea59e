"""Staff look at the evidence of a selfie, and decide about one that waits.

Both need a reason, which the audit log keeps.
Nothing here makes a proof without a selfie that the judge accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.vault.vault import store
from config import registry
from config.errors import AlreadyFinished, DomainError
from twins import services
from twins.proof import frames, proving, subjects
from twins.proof.models import Selfie

SHORTEST, LONGEST = 10, 150  # characters of a reason


class ReasonMissing(DomainError):
    code, status = "reason_missing", 422
    message = _("Type a reason of %(shortest)s to %(longest)s characters. It is kept in the audit log.")


class EvidenceGone(DomainError):
    code, status = "evidence_gone", 410
    message = _("The pictures of this selfie are deleted already. They are kept for a day.")


@dataclass(frozen=True)
class Evidence:
    """What the camera saw: (movement, frames) in order, and the frame of the face, if it was accepted."""

    movements: list[tuple[str, tuple[bytes, ...]]]
    face: bytes


def look(selfie: Selfie, *, actor: Any, reason: str) -> Evidence:
    """The frames, after an audit entry. Raises ReasonMissing, EvidenceGone."""
    reason = _reason(reason)
    if selfie.frames_deleted_at:
        raise EvidenceGone
    files = store(selfie.user_id)
    registry.audit(actor, "view_evidence", selfie, reason)
    try:
        movements = [(each.step, each.frames) for each in frames.read(selfie)]
        face = files.read(selfie.face_file) if files.exists(selfie.face_file) else b""
    except FileNotFoundError:
        raise EvidenceGone from None
    return Evidence(movements, face)


@transaction.atomic
def decide(selfie: Selfie, *, actor: Any, passed: bool, reason: str) -> None:
    """Passes a selfie that waits for review, which makes the proof, or refuses it.

    Raises ReasonMissing, ConsentRequired, TwinDisabled, and AlreadyFinished for one that does not wait.
    """
    reason = _reason(reason)
    twin = services.locked_twin(selfie.twin_id)
    services.require_enabled(twin)
    subjects.require_consent(twin)
    outcome = {} if passed else {"accepted": False, "code": "selfie_declined", "embedding": None}
    waiting = Selfie.objects.filter(id=selfie.id).waiting()
    if not waiting.update(decided_at=timezone.now(), **outcome):
        raise AlreadyFinished
    if passed:
        selfie.refresh_from_db()
        proving.make_proof(selfie)
    registry.audit(actor, "pass_selfie" if passed else "refuse_selfie", selfie, reason)


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not SHORTEST <= len(text) <= LONGEST:
        raise ReasonMissing(shortest=SHORTEST, longest=LONGEST)
    return text
