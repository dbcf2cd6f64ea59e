"""The browsers that a user told to show notices."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.notices import push, webpush
from accounts.notices.models import PushSubscription
from config.errors import DomainError, Invalid, NotFound
from config.runs.events import session_id

MOST = 20  # browsers of a user; one more takes the place of the oldest


class PushOff(DomainError):
    code, status = "push_off", 409
    message = gettext_lazy("This server sends no notices to browsers. Choose e-mails instead.")


class PushServiceUnknown(DomainError):
    code, status = "push_service_unknown", 422
    message = gettext_lazy("Your browser uses a push service that we do not send to. Choose e-mails instead.")


def key() -> str:
    """The public key that browsers subscribe with; "" where push is off."""
    return webpush.public_key(settings.VAPID_PRIVATE_KEY) if settings.VAPID_PRIVATE_KEY else ""


@transaction.atomic
def subscribe(
    user: Any, *, endpoint: str, p256dh: str, auth: str, device: str = "", session: str = ""
) -> PushSubscription:
    """Sends notices to this browser from now on, until the session with this name ends. A second call returns
    the first one's row. When somebody else logs in there and subscribes, the browser is theirs.

    Raises PushOff, PushServiceUnknown, Invalid.
    """
    if not settings.VAPID_PRIVATE_KEY:
        raise PushOff
    if not push.is_known(endpoint):
        raise PushServiceUnknown
    _check_keys(p256dh, auth)
    facts = {"p256dh": p256dh, "auth": auth}
    found, new = PushSubscription.objects.select_for_update().get_or_create(
        endpoint=endpoint, defaults={**facts, "user": user, "device": device[:200], "session": session}
    )
    if not new and found.user_id != user.pk:
        _hand_over(found, user, **facts)
    if found.session != session:
        found.session = session
        found.save(update_fields=["session"])
    kept = PushSubscription.objects.owned_by(user).order_by("-created_at", "-id").values("id")[:MOST]
    PushSubscription.objects.owned_by(user).exclude(id__in=list(kept.values_list("id", flat=True))).delete()
    return found


def _hand_over(found: PushSubscription, user: Any, **keys: str) -> None:
    """Only the browser itself has the keys: whoever has learnt an endpoint alone takes it from nobody."""
    if (found.p256dh, found.auth) != (keys["p256dh"], keys["auth"]):
        raise Invalid(errors={"endpoint": [_("Another browser has this address. Subscribe again.")]})
    found.user = user
    found.save(update_fields=["user"])


def _check_keys(p256dh: str, auth: str) -> None:
    """Raises Invalid."""
    errors = {}
    try:
        webpush.read_point(p256dh)
    except ValueError:
        errors["p256dh"] = [_("Send the browser's public key: 65 bytes in base64url.")]
    try:
        if len(webpush.decode(auth)) != 16:
            raise ValueError
    except ValueError:
        errors["auth"] = [_("Send the browser's secret: 16 bytes in base64url.")]
    if errors:
        raise Invalid(errors=errors)


def end_with(session_key: str) -> None:
    """The session has ended: whoever has its browser now learns nothing more."""
    PushSubscription.objects.filter(session=session_id(session_key)).delete()


def move(old_key: str, new_key: str) -> None:
    """The session goes on with another key."""
    PushSubscription.objects.filter(session=session_id(old_key)).update(session=session_id(new_key))


def unsubscribe(user: Any, *, endpoint: str) -> None:
    """Raises NotFound."""
    if not PushSubscription.objects.owned_by(user).filter(endpoint=endpoint).delete()[0]:
        raise NotFound
