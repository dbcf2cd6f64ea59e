"""The notices of archives, and the part of notices in an archive of all of a user's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import retention
from accounts.archive import json_member, rows
from accounts.models import Export
from accounts.notices.failures import failure_of, reason_of
from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice, PushSubscription
from accounts.notices.services import notify
from config.registry import Member
from config.runs.states import Status


def _done(facts: Facts) -> Words:
    time = retention.in_words(Export.KEPT)
    return Words(_("Your download is ready."), _("It is kept for %(time)s.") % {"time": time})


def _failed(facts: Facts) -> Words:
    return Words(_("An archive could not be packed."), reason_of(facts))


def _path(notice: Notice) -> str:
    return reverse("archive", args=[notice.subject_id])


register(Kind("export_done", Topic.EXPORT, _done, _path), Kind("export_failed", Topic.EXPORT, _failed, _path))


def on_run_end(run: Any) -> None:
    if not isinstance(run, Export) or not run.shown:
        return
    if run.status == Status.SUCCEEDED:
        notify(run.user, "export_done", about=run)
    elif run.status == Status.FAILED:
        notify(run.user, "export_failed", about=run, **failure_of(run))


def notices(user: Any) -> Iterator[Member]:
    found = rows(Notice.objects.owned_by(user))
    yield json_member("account/notices.json", found, _("What we told you in the last 90 days."))
    browsers = rows(
        PushSubscription.objects.owned_by(user), without=("auth", "p256dh", "endpoint", "session")
    )
    yield json_member("account/browsers.json", browsers, _("The browsers that show you notices."))
