"""A user's endpoints: added, changed, tested, replayed; and what the end of a run writes for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.developers import addresses
from accounts.developers.models import Delivery, Disabled, Webhook
from accounts.developers.signing import new_secret
from accounts.models import User
from accounts.retention import kept
from accounts.vault import vault
from config.errors import DomainError, Invalid, NotFound
from config.runs import broker, clock

MOST = 10  # endpoints of a user
OVERLAP = timedelta(hours=24)  # how long a replaced secret also signs
KEPT = kept("deliveries")  # for the log and for replays
TASK = "accounts.deliver"
TEST = "webhook.test"
# Kind of run -> what its events are about. A run of another kind is told to nobody.
ABOUT = {
    "training": "training",
    **dict.fromkeys(("image", "headshots", "video", "repair", "enlarge"), "generation"),
    "restore": "restoration",
    "export": "export",
}


class WebhookLimit(DomainError):
    code, status = "webhook_limit", 409
    message = gettext_lazy("You have %(most)s webhooks, and there cannot be more. Delete one first.")


class WebhookDisabled(DomainError):
    code, status = "webhook_disabled", 409
    message = gettext_lazy("This webhook is turned off. Turn it on first.")


# ---------------------------------------------------------------- endpoints


@transaction.atomic
def create_webhook(user: Any, *, url: str, events: Iterable[str]) -> tuple[Webhook, str]:
    """The row, and the secret that signs. Raises Invalid, WebhookLimit."""
    User.objects.select_for_update().get(id=user.id)  # of two requests at once, the second sees the first's
    mine = Webhook.objects.owned_by(user)
    hook = Webhook(user=user, url=_checked(url, mine), events=sorted(set(events)))
    if mine.count() >= MOST:
        raise WebhookLimit(most=MOST)
    secret = new_secret()
    hook.secret = _sealed(hook, secret)
    hook.save(force_insert=True)
    return hook, secret


def _checked(url: str, others: Any) -> str:
    try:
        addresses.parse(url)
    except addresses.Refused as refused:
        raise Invalid(errors={"url": [str(refused)]}) from None
    if others.filter(url=url).exists():
        raise Invalid(errors={"url": [_("You have a webhook to this address.")]})
    return url


@transaction.atomic
def change_webhook(
    hook: Webhook, *, url: str = "", events: Iterable[str] = (), enabled: bool | None = None
) -> Webhook:
    """Changes what is given. Raises Invalid."""
    User.objects.select_for_update().get(id=hook.user_id)
    if url:
        hook.url = _checked(url, Webhook.objects.owned_by(hook.user).exclude(id=hook.id))
        hook.failing_since = hook.hung_at = None
    if events:
        hook.events = sorted(set(events))
    if enabled is not None and enabled == bool(hook.disabled):
        _turn(hook, on=enabled)
    hook.save(update_fields=["url", "events", "disabled", "failing_since", "hung_at"])
    return hook


def _turn(hook: Webhook, *, on: bool) -> None:
    hook.disabled = "" if on else Disabled.OWNER
    hook.failing_since = hook.hung_at = None
    if not on:
        hook.fail_waiting()


@transaction.atomic
def rotate_secret(hook: Webhook) -> str:
    """A new secret. The one before signs beside it for OVERLAP; one that was still signing from an earlier
    time ends."""
    now = Webhook.objects.select_for_update().filter(id=hook.id).first()
    if now is None:
        raise NotFound
    secret = new_secret()
    hook.former_secret, hook.former_until = now.secret, timezone.now() + OVERLAP
    hook.secret = _sealed(hook, secret)
    hook.save(update_fields=["secret", "former_secret", "former_until"])
    return secret


def secrets_of(hook: Webhook) -> list[str]:
    """Those that sign now."""
    sealed = [hook.secret]
    if hook.former_secret and hook.former_until and hook.former_until > timezone.now():
        sealed.append(hook.former_secret)
    return [vault.open_value(hook.user_id, _name(hook), bytes(each)).decode() for each in sealed]


def _sealed(hook: Webhook, secret: str) -> bytes:
    return vault.seal_value(hook.user_id, _name(hook), secret.encode())


def _name(hook: Webhook) -> str:
    return f"webhooks/{hook.id}"


# ---------------------------------------------------------------- deliveries


def on_run_ended(run: Any) -> None:
    """Writes the deliveries of a run, in the transaction in which it ends."""
    about = ABOUT.get(run.kind_name)
    if about is None or not run.shown:
        return
    event = f"{about}.{run.status}"
    hooks = Webhook.objects.filter(user_id=run.user_id, disabled="", events__contains=[event])
    if not hooks:
        return
    at = run.finished_at or clock.now()
    body = _body(event, at, _facts(run))
    Delivery.objects.bulk_create(Delivery(webhook=hook, type=event, body=body, next_at=at) for hook in hooks)
    wake()


def _facts(run: Any) -> dict[str, Any]:
    """No prompt, no name, no picture: who wants more asks the API for the run."""
    return {
        "id": str(run.id),
        "kind": run.kind_name,
        "status": str(run.status),
        "error": {"code": run.error_code} if run.error_code else None,
        "created_at": _time(run.created_at),
        "finished_at": _time(run.finished_at) if run.finished_at else None,
    }


def _body(event: str, at: datetime, data: dict[str, Any]) -> str:
    return json.dumps({"type": event, "timestamp": _time(at), "data": data}, separators=(",", ":"))


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def wake() -> None:
    """After the commit. When the wake-up is lost, `celery beat` sends another within seconds."""
    transaction.on_commit(lambda: broker.enqueue(TASK, "", "io"), robust=True)


def send_test(hook: Webhook) -> Delivery:
    """Sends a message of the type TEST, whatever the events. Raises WebhookDisabled."""
    _require_on(hook)
    data = {"id": str(uuid4()), "kind": "test", "status": "succeeded"}
    now = clock.now()
    one = Delivery.objects.create(webhook=hook, type=TEST, body=_body(TEST, now, data), next_at=now)
    wake()
    return one


def replay(hook: Webhook, *, delivery: UUID | None = None) -> int:
    """Sends one delivery again, or all that failed; under their own ids, so that a receiver can tell. What is
    still waiting is left alone. Returns how many. Raises WebhookDisabled, NotFound."""
    _require_on(hook)
    found = hook.deliveries.filter(status=Delivery.Status.FAILED)
    if delivery is not None:
        found = hook.deliveries.filter(id=delivery)
        if not found.exists():
            raise NotFound
    ended = found.exclude(status=Delivery.Status.PENDING)
    count = ended.update(status=Delivery.Status.PENDING, tries=0, next_at=Now())
    if count:
        wake()
    return count


def _require_on(hook: Webhook) -> None:
    if hook.disabled:
        raise WebhookDisabled


def forget_old() -> int:
    """Deletes deliveries older than KEPT; returns how many rows."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT)
    return old.exclude(status=Delivery.Status.PENDING).delete()[0]
