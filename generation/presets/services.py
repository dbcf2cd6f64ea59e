"""Saving presets."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from config.errors import DomainError
from generation.presets.models import StudioPreset

MOST = 50  # of one person


class PresetLimit(DomainError):
    code, status = "preset_limit", 409
    message = _("You have %(most)s presets already. Delete one first.")


@transaction.atomic
def save(user: Any, *, name: str, settings: dict[str, Any]) -> StudioPreset:
    """Saves settings by this name; those that had it are replaced. Raises PresetLimit."""
    User.objects.select_for_update().get(id=user.id)  # two requests at once pass the limit one by one
    own = StudioPreset.objects.owned_by(user)
    if not own.filter(name=name).exists() and own.count() >= MOST:
        raise PresetLimit(most=MOST)
    return own.update_or_create(user=user, name=name, defaults={"settings": settings})[0]
