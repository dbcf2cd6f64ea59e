"""What a try of a delivery changes: the log, the delivery, and its endpoint."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.developers.models import Attempt, Delivery, Disabled, Webhook
from accounts.developers.sending import Outcome
from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from config.runs import clock

# How long to wait before each try; the spec's example. After the last one the delivery has failed.
WAITS = [
    timedelta(**wait)
    for wait in (
        {"seconds": 0},
        {"seconds": 5},
        {"minutes": 5},
        {"minutes": 30},
        *({"hours": hours} for hours in (2, 5, 10, 14, 20, 24)),
    )
]
JITTER = 0.1  # of a wait, so that what failed together is not tried together
GIVEN_UP = timedelta(days=10)  # an endpoint that took nothing for so long is turned off
GONE = 410


@transaction.atomic
def record(done: Sequence[tuple[Delivery, Outcome]]) -> None:
    """Writes down all of these in a few statements. What its owner deleted meanwhile is left out."""
    ids = [one.id for one, _outcome in done]
    locked = Delivery.objects.select_for_update(of=("self",)).defer("body")
    rows = locked.select_related("webhook").filter(id__in=ids)
    found = {row.id: row for row in rows}
    pairs = [(found[one.id], outcome) for one, outcome in done if one.id in found]
    now = clock.now()
    Attempt.objects.bulk_create(_attempt(row, outcome, now) for row, outcome in pairs)
    _taken([row for row, outcome in pairs if outcome.taken])
    _not_taken([(row, outcome) for row, outcome in pairs if not outcome.taken], now)


def _taken(rows: Sequence[Delivery]) -> None:
    """Two statements for all: bulk_update builds an expression a row, which costs more than sending."""
    ended = {"status": Delivery.Status.DELIVERED, "tries": F("tries") + 1}
    Delivery.objects.filter(id__in=[row.id for row in rows]).update(**ended)
    well = {"busy_until": None, "failing_since": None, "hung_at": None}
    Webhook.objects.filter(id__in=[row.webhook_id for row in rows]).update(**well)


def _not_taken(pairs: Sequence[tuple[Delivery, Outcome]], now: datetime) -> None:
    for row, outcome in pairs:
        _fail(row, outcome, now)
    Delivery.objects.bulk_update([row for row, _ in pairs], ["status", "tries", "next_at"])
    hooks = [row.webhook for row, _ in pairs]
    Webhook.objects.bulk_update(hooks, ["busy_until", "failing_since", "hung_at"])
    for row, outcome in pairs:
        _turn_off_if_lost(row.webhook, outcome, now)


def _attempt(row: Delivery, outcome: Outcome, now: datetime) -> Attempt:
    return Attempt(
        delivery=row,
        at=now - timedelta(milliseconds=outcome.milliseconds),
        status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
    )


def _fail(row: Delivery, outcome: Outcome, now: datetime) -> None:
    hook = row.webhook
    row.tries += 1
    hook.busy_until = None
    hook.hung_at = now if outcome.error == "timeout" else None
    hook.failing_since = hook.failing_since or now
    if row.tries >= len(WAITS) or outcome.status == GONE:
        row.status = Delivery.Status.FAILED
    else:
        row.next_at = now + _wait(row.tries, outcome.retry_after)


def _wait(tries: int, asked: int) -> timedelta:
    """`asked`: the seconds of Retry-After, which only make a wait longer."""
    usual = WAITS[tries] * random.uniform(1 - JITTER, 1 + JITTER)
    return max(usual, timedelta(seconds=asked))


def _turn_off_if_lost(hook: Webhook, outcome: Outcome, now: datetime) -> None:
    lost = hook.failing_since is not None and now - hook.failing_since >= GIVEN_UP
    why = Disabled.GONE if outcome.status == GONE else Disabled.FAILING
    if (outcome.status == GONE or lost) and turn_off(hook, why):
        notify(hook.user, "webhook_off", about=hook)


def turn_off(hook: Webhook, why: Disabled) -> bool:
    """Nothing is sent any more. Returns whether it was on."""
    was_on = Webhook.objects.filter(id=hook.id, disabled="").update(disabled=why)
    if was_on:
        hook.fail_waiting()
    return bool(was_on)


def _words_of_off(_facts: Facts) -> Words:
    text = _("Nothing could be delivered there. What it missed can be sent again.")
    return Words(_("A webhook was turned off."), text)


def _path(notice: Notice) -> str:
    return reverse("webhook", args=[notice.subject_id])


register(Kind("webhook_off", Topic.ACCOUNT, _words_of_off, _path))
