"""What the app tells of decided cases, beside their e-mails: who signed up by phone has no address."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from moderation.cases.models import Decision
from moderation.cases.reasons import DECIDED


def _taken_down(facts: Facts) -> Words:
    text = _("You can appeal for 30 days. The reason: %(reason)s")
    return Words(_("We took something of yours down."), text % {"reason": DECIDED[facts["reason"]]})


def _decided(facts: Facts) -> Words:
    return Words(_("Something that you reported is decided."), str(DECIDED[facts["reason"]]))


def _path(notice: Notice) -> str:
    return reverse("decision", args=[notice.subject_id])


register(
    Kind("taken_down", Topic.ACCOUNT, _taken_down, _path, mailed=False),
    Kind("case_decided", Topic.ACCOUNT, _decided, _path, mailed=False),
)


def tell_owner(decision: Decision, user_id: Any) -> None:
    _tell("taken_down", decision, user_id)


def tell_reporter(decision: Decision, user_id: Any) -> None:
    _tell("case_decided", decision, user_id)


def _tell(kind: str, decision: Decision, user_id: Any) -> None:
    if user := User.objects.filter(id=user_id, is_active=True).first():
        notify(user, kind, about=decision, reason=decision.reason)
