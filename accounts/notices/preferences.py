"""Which notices a user wants on which channel. In the app there is every notice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from accounts.notices.kinds import Topic

EMAIL, PUSH = CHANNELS = ("email", "push")
# Pictures take seconds, and most people wait for them: no e-mail unless they want it.
UNWANTED = {(Topic.GENERATION.value, EMAIL)}

Preferences = dict[str, dict[str, bool]]  # topic -> channel -> whether it is wanted


def of(user: Any) -> Preferences:
    """What the user chose, and the defaults for what they did not."""
    chosen = user.notifications
    return {
        topic: {
            channel: chosen.get(topic, {}).get(channel, (topic, channel) not in UNWANTED)
            for channel in CHANNELS
        }
        for topic in Topic.values
    }


def wants(user: Any, topic: str, channel: str) -> bool:
    return of(user)[topic][channel]


@transaction.atomic
def change(user: Any, choice: Mapping[str, Mapping[str, bool]]) -> None:
    """Changes what `choice` names and leaves the rest, also what another device changes at the same time."""
    row = get_user_model().objects.select_for_update().get(pk=user.pk)
    for topic, channels in choice.items():
        row.notifications[topic] = {**row.notifications.get(topic, {}), **channels}
    row.save(update_fields=["notifications"])
    user.notifications = row.notifications


def stop_mails(user_id: Any, topics: Iterable[str]) -> None:
    """Does nothing for an account that is gone."""
    if user := get_user_model().objects.filter(pk=user_id).first():
        change(user, {topic: {EMAIL: False} for topic in topics})
