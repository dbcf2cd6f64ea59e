"""The notices of jobs: pictures, headshots, clips, repairs, enlargements and restorations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.notices.failures import back_of, credits_back, failure_of, reason_of
from accounts.notices.kinds import Facts, Kind, Topic, Words, added, joined, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from config.runs.states import Status
from generation.models import Job


def _pictures(n: int) -> str:
    return ngettext("Your picture is ready.", "Your %(n)s pictures are ready.", n) % {"n": n}


def _headshots(n: int) -> str:
    return ngettext("Your headshot is ready.", "Your %(n)s headshots are ready.", n) % {"n": n}


def _repaired(n: int) -> str:
    return ngettext("Your picture is repaired.", "%(n)s pictures are repaired.", n) % {"n": n}


def _enlarged(n: int) -> str:
    return ngettext("Your picture is enlarged.", "%(n)s pictures are enlarged.", n) % {"n": n}


def _clips(n: int) -> str:
    return ngettext("Your clip is ready.", "Your %(n)s clips are ready.", n) % {"n": n}


def _restored(n: int) -> str:
    return ngettext("Your picture is restored.", "%(n)s pictures are restored.", n) % {"n": n}


# By the kind of a job: the title of so many results, and the title of a failure.
TITLES: dict[str, tuple[Callable[[int], str], Callable[[], str]]] = {
    "image": (_pictures, lambda: _("Pictures could not be made.")),
    "headshots": (_headshots, lambda: _("Headshots could not be made.")),
    "repair": (_repaired, lambda: _("A picture could not be repaired.")),
    "enlarge": (_enlarged, lambda: _("A picture could not be enlarged.")),
    "video": (_clips, lambda: _("A clip could not be made.")),
    "restore": (_restored, lambda: _("A picture could not be restored.")),
}


def _done(title: Callable[[int], str]) -> Callable[[Facts], Words]:
    return lambda facts: Words(title(facts["made"]), _missing(facts))


def _missing(facts: Facts) -> str:
    n = facts["missing"]
    said = ngettext("%(n)s more could not be made.", "%(n)s more could not be made.", n) % {"n": n}
    return joined(said if n else "", back_of(facts))


def _failed(title: Callable[[], str]) -> Callable[[Facts], Words]:
    return lambda facts: Words(title(), reason_of(facts))


def _path(notice: Notice) -> str:
    if restoration := notice.facts.get("restoration"):
        return reverse("restoration", args=[restoration])
    return reverse("job", args=[notice.subject_id])


for name, (done, failed) in TITLES.items():
    register(
        Kind(f"{name}_done", Topic.GENERATION, _done(done), _path, merge=added),
        Kind(f"{name}_failed", Topic.GENERATION, _failed(failed), _path),
    )


def on_run_end(run: Any) -> None:
    if not isinstance(run, Job) or not run.shown or run.kind not in TITLES:
        return
    where = {"restoration": str(run.restoration.id)} if run.kind == "restore" else {}
    if run.status == Status.SUCCEEDED:
        facts = {"made": run.units, "missing": run.count - run.units, "back": credits_back(run)}
        notify(run.user, f"{run.kind}_done", about=run, **facts, **where)
    elif run.status == Status.FAILED:
        notify(run.user, f"{run.kind}_failed", about=run, **failure_of(run), **where)
