"""What ends with a session: its event streams, and the notices to its browser. All streams end with the
account, its password, or its right to log in; with a new password the other sessions end."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.notices import subscriptions
from config.runs import events


@receiver(post_delete, sender=Session)
def session_deleted(instance: Session, **_: Any) -> None:
    """A logout, a session that was ended from another one, an erased account, a new key at a login."""
    subscriptions.end_with(instance.session_key)
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


@receiver(password_changed)
def others_end(request: Any, user: Any, **_: Any) -> None:
    """They were invalid already; now they are gone, with the notices to their browsers."""
    sessions.end_all(user, but=request.session.session_key)
