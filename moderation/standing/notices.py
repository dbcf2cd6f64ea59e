"""The notice of a strike. A suspension is told by e-mail, whatever the person chose, and on every page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from moderation.standing.rules import RULES


def _strike(facts: Facts) -> Words:
    rule = RULES.get(facts["rule"])
    said = {"what": rule.what if rule else "", "n": facts["strikes"], "limit": facts["limit"]}
    text = _("%(what)s. %(n)s of %(limit)s strikes count now; with the last one the account is suspended.")
    return Words(_("You have a strike."), text % said)


def _page(notice: Notice) -> str:
    return reverse("standing")


register(Kind("strike", Topic.ACCOUNT, _strike, _page))
