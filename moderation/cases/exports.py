"""A user's reports, decisions and appeals in an archive, and what remains of them after an erasure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.archive import json_list, row, rows
from config.registry import Member
from moderation.cases.models import Appeal, Case, Decision, Match, Notice

SECRET = ("reporter", "secret_hash", "prints", "case")


def members(user: Any) -> Iterator[Member]:
    notices = Notice.objects.filter(user=user).select_related("case")
    told = [row(notice, without=SECRET) | {"case": notice.case.number} for notice in notices]
    yield json_list("account/reports.json", iter(told), _("What you reported to us."))
    decided = Decision.objects.owned_by(user).select_related("case")
    outcomes = [row(each, without=("by", "case")) | {"case": each.case.number} for each in decided]
    yield json_list(
        "account/cases.json", iter(outcomes), _("What was decided about your reports and pictures.")
    )
    appeals = rows(Appeal.objects.filter(user=user))
    yield json_list("account/appeals.json", iter(appeals), _("Your appeals."))


def forget(user: Any) -> None:
    """The cases stay, as what was decided must be known. They name nobody, and the words that staff wrote
    about what is gone are deleted."""
    mine = Case.objects.filter(owner=user)
    Decision.objects.filter(case__in=mine).update(text="")
    Match.objects.filter(Q(case__in=mine) | Q(owner=user)).delete()
    Decision.objects.filter(by=user).update(by=None)
    Case.objects.filter(claimed_by=user).update(claimed_by=None)
    mine.update(owner=None)
