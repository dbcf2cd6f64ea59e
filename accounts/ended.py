"""Event streams end at once with the session that opened them, and all of them with the account, its
password, or its right to log in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from config.runs import events


@receiver(post_delete, sender=Session)
def session_deleted(instance: Session, **_: Any) -> None:
    """A logout, a session that was ended from another one, an erased account, a new key at a login."""
    user_id = instance.get_decoded().get(SESSION_KEY)
    if user_id and instance.expire_date > timezone.now():  # the streams of an expired one have ended
        events.end_streams(user_id, instance.session_key)


@receiver(post_save, sender=User)
def user_saved(instance: Any, created: bool, **_: Any) -> None:
    """A new password ends all sessions but the one that set it, whose client connects again."""
    if not created and (instance._password is not None or not instance.is_active):
        events.end_streams(instance.pk)


@receiver(post_delete, sender=User)
def user_deleted(instance: Any, **_: Any) -> None:
    events.end_streams(instance.pk)
