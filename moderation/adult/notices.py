"""The notice of a decided proof of age. It shows no picture and says nothing of what it is for."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice


def _decided(facts: Facts) -> Words:
    if facts["adult"]:
        return Words(_("Your age is proved."), _("The document is deleted."))
    return Words(_("Your age could not be proved."), _("The document is deleted. Read why on the page."))


def _page(notice: Notice) -> str:
    return reverse("age")


register(Kind("age_decided", Topic.ACCOUNT, _decided, _page))
