"""Engines of this installation, and twins that were trained on them, without any service."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ml.catalogue import BASES
from ml.remote.settings import Remote


def offer(settings: Any, *profiles: str, lora_model: str = "") -> None:
    """Configures these engines; the first is the usual one."""
    services = {BASES[name].service for name in profiles} - {""}
    settings.STUDIO_PROFILE, settings.STUDIO_PROFILES = profiles[0], list(profiles)
    settings.REMOTES = {name: Remote(name, ("key",), lora_model=lora_model) for name in services}


def agree(user: Any, *kinds: str) -> None:
    from accounts import consents

    for kind in kinds:
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])


def version_of(twin: Any, base: str, **fields: Any) -> Any:
    """A trained version of the twin on this base, which becomes the active one."""
    from twins.models import Training, Twin

    facts = {"status": "succeeded", "sha256": "0" * 64, "engine": base, **fields}
    number = twin.trainings.count() + 1
    made = Training.objects.create(user=twin.user, twin=twin, base=base, number=number, **facts)
    Twin.objects.filter(id=twin.id).update(active_training=made)
    twin.refresh_from_db()
    return made


def prove(twin: Any, photos: list[Any]) -> None:
    """A proof of likeness that covers these photos."""
    from accounts.models import Consent
    from twins.proof.models import Challenge, Proof, Selfie

    own = {"user": twin.user, "twin": twin}
    challenge = Challenge.objects.create(**own, steps=["left"], expires_at=timezone.now())
    selfie = Selfie.objects.create(**own, challenge=challenge, status="succeeded", accepted=True)
    consent = Consent.objects.get(user=twin.user, kind="biometric_twin", withdrawn_at=None)
    face = {"embedding": [1.0, *[0.0] * 127], "embedder": "test"}
    Proof.objects.create(**own, **face, selfie=selfie, consent=consent).photos.set(photos)
