"""What authors are told about a submitted picture."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices.kinds import Facts, Kind, Topic, Words, register
from accounts.notices.models import Notice
from accounts.notices.services import notify
from gallery.sharing.models import Publication


def _approved(facts: Facts) -> Words:
    text = _("Everybody can see it now. You can withdraw it on its page at any time.")
    return Words(_("Your picture is in the public gallery."), text)


def _refused(facts: Facts) -> Words:
    text = _("You can change it and submit it again. The reason: %(reason)s")
    return Words(_("Your picture was not published."), text % {"reason": facts["reason"]})


def _public(notice: Notice) -> str:
    return reverse("published", args=[notice.subject_id])


def _own(notice: Notice) -> str:
    return reverse("item", args=[notice.subject_id])


register(
    Kind("publication_approved", Topic.ACCOUNT, _approved, _public),
    Kind("publication_refused", Topic.ACCOUNT, _refused, _own),
)


def tell_approved(row: Publication) -> None:
    notify(row.user, "publication_approved", about=row)


def tell_refused(row: Publication, reason: str) -> None:
    """`reason` is the sentence that staff wrote for the author."""
    notify(row.user, "publication_refused", about=row, reason=reason)
