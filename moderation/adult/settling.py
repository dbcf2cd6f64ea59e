"""What no person does with proofs of age: asking the provider, and forgetting what nobody looked at."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.retention import kept
from moderation.adult import services, verifiers
from moderation.adult.models import AgeCheck

State = AgeCheck.State


def settle() -> int:
    """Asks the provider about what waits. Returns how many ended."""
    return sum(_settle(check) for check in AgeCheck.objects.waiting().select_related("user")[:100])


def _settle(check: AgeCheck) -> bool:
    verifier = verifiers.get()
    outcome = verifier.outcome(check) if verifier.name == check.verifier else None
    if outcome is None:
        return False
    AgeCheck.objects.filter(id=check.id).waiting().update(country=outcome.country)
    reason = outcome.reason or f"told by {verifier.name}"
    services.decide(check, actor=None, adult=outcome.adult, reason=reason)
    return True


def forget_documents() -> int:
    """Those that nobody looked at in time: the user may ask again. Returns how many."""
    old = AgeCheck.objects.waiting().filter(asked_at__lt=timezone.now() - kept("age_documents"))
    found = list(old)
    for check in found:
        with transaction.atomic():
            AgeCheck.objects.filter(id=check.id).waiting().update(
                state=State.EXPIRED, decided_at=timezone.now()
            )
            services.delete_document(check)
    return len(found)
