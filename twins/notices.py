"""The notices of trainings, and of a consent that the person of a twin has withdrawn."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices.failures import failure_of, reason_of
from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from config.runs.states import Status
from twins.models import Training


def _done(facts: Facts) -> Words:
    return Words(_("Your twin is ready."), _("The training is finished. Make pictures with it."))


def _failed(facts: Facts) -> Words:
    return Words(_("A training failed."), reason_of(facts))


def _withdrawn(facts: Facts) -> Words:
    text = _(
        "The person whom a twin of yours shows has withdrawn the consent. The twin is disabled; its photos"
        " and models are deleted."
    )
    return Words(_("A consent was withdrawn."), text)


def _trained(notice: Notice) -> str:
    return reverse("twin", args=[notice.facts["twin"]])


def _twin(notice: Notice) -> str:
    return reverse("twin", args=[notice.subject_id])


register(
    Kind("training_done", Topic.TRAINING, _done, _trained),
    Kind("training_failed", Topic.TRAINING, _failed, _trained),
    Kind("consent_withdrawn", Topic.ACCOUNT, _withdrawn, _twin),
)


def on_run_end(run: Any) -> None:
    if not isinstance(run, Training):
        return
    facts = {"twin": str(run.twin_id)}
    if run.status == Status.SUCCEEDED:
        notify(run.user, "training_done", about=run, **facts)
    elif run.status == Status.FAILED:
        notify(run.user, "training_failed", about=run, **facts, **failure_of(run))
