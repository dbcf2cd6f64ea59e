"""The one task of proofs of age."""

from __future__ import annotations

from celery import shared_task

from moderation.adult import settling


@shared_task(name="moderation.settle_ages")
def settle_ages() -> None:
    settling.settle()
