"""How far the verification of a twin is, as clients see it, and the form with the frames of a selfie."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.runs.models import Status
from ml.types import SELFIE_STEPS
from twins.proof import validity
from twins.proof.frames import FEWEST, MOST, MOVEMENTS, field
from twins.proof.models import Challenge, Proof, Selfie
from twins.proof.sentences import STEPS, refusal_of

STATES = ("none", "pending", "review", "refused", "verified")


class ChallengeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The movements to make, in this order, in one sitting. It works once, in the session that asked."""

    id = serializers.UUIDField()
    steps = serializers.ListField(child=serializers.ChoiceField(choices=SELFIE_STEPS))
    sentences = serializers.ListField(child=serializers.CharField(), help_text="what to say for each step")
    expires_at = serializers.DateTimeField(help_text="two minutes after the draw; until then frames count")


class VerificationSerializer(serializers.Serializer):  # type: ignore[type-arg]
    twin = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATES)
    code = serializers.CharField(allow_null=True, help_text="why the last selfie was refused")
    detail = serializers.CharField(allow_null=True)
    step = serializers.IntegerField(allow_null=True, help_text="index of the movement that was refused")
    photos = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="accepted photos that do not show the face of the selfie: until they are removed, or the"
        " selfie is taken again, the twin is not verified",
    )
    verified_at = serializers.DateTimeField(allow_null=True)
    challenge = ChallengeSerializer(allow_null=True)


class ChallengeForm(serializers.Serializer):  # type: ignore[type-arg]
    challenge = serializers.UUIDField()


class SelfieForm(ChallengeForm):
    """Frames of each movement in order of time, about a quarter of a second apart: JPEG or WebP of about
    640 pixels, from 3 to 12 of each movement."""

    def get_fields(self) -> dict[str, Any]:
        frames = {
            field(number): serializers.ListField(
                child=serializers.FileField(), min_length=FEWEST, max_length=MOST
            )
            for number in range(MOVEMENTS)
        }
        return super().get_fields() | frames


def show_challenge(challenge: Challenge) -> dict[str, Any]:
    return {
        "id": challenge.id,
        "steps": challenge.steps,
        "sentences": [str(STEPS[step]) for step in challenge.steps],
        "expires_at": challenge.expires_at,
    }


def show_verification(twin: Any, challenge: Challenge | None = None) -> dict[str, Any]:
    proof = validity.live_proof(twin)
    unknown = [photo.id for photo in validity.strangers(proof)] if proof else []
    last = Selfie.objects.filter(twin=twin).first()
    return _state_of(last, proof, bool(unknown)) | {
        "twin": twin.id,
        "photos": unknown,
        "verified_at": proof.created_at if proof else None,
        "challenge": show_challenge(challenge) if challenge else None,
    }


def _state_of(last: Selfie | None, proof: Proof | None, unknown: bool) -> dict[str, Any]:
    """A proof that covers all photos speaks, else the newest selfie after it. One that is being looked at
    always does."""
    status = status_of(last) if last else "none"
    made_it = proof is not None and (last is None or proof.selfie_id == last.id)
    if status not in ("pending", "review") and (made_it or (proof and not unknown)):
        return _state_of_proof(proof, unknown)
    if last is None or status != "refused":
        return _state(status)
    return _state(status, last.code or last.error_code or "internal", refusal_of(last), last.step)


def _state_of_proof(proof: Proof | None, unknown: bool) -> dict[str, Any]:
    if unknown:
        return _state("none", validity.VerificationRequired.code, str(validity.UNLIKE_HERE))
    return _state("verified" if proof else "none")


def _state(status: str, code: str | None = None, detail: str | None = None, step: int | None = None) -> Any:
    return {"status": status, "code": code, "detail": detail, "step": step}


def status_of(selfie: Selfie) -> str:
    """Of a selfie that made no proof that holds."""
    if selfie.is_open:
        return "pending"
    if selfie.is_waiting:
        return "review"
    if selfie.status == Status.SUCCEEDED and selfie.accepted:
        return "none"  # its proof ended since, with the consent or with another wording
    return "refused"
