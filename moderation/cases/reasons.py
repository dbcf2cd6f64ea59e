"""Why something is reported, and why it was decided so."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

REASONS: dict[str, Any] = {
    "me": _("It shows me, and I did not agree to it"),
    "intimate": _("It shows somebody naked or intimate without their consent"),
    "minor": _("It shows a child"),
    "hate": _("It is hateful or violent"),
    "rights": _("It uses something that belongs to me"),
    "spam": _("It is advertising or a deception"),
    "other": _("Another reason"),
}
REMOVED: dict[str, Any] = {
    "no_consent": _("The person shown did not agree to it."),
    "intimate": _("It shows somebody naked or intimate without their consent."),
    "minor": _("It shows a child."),
    "hate": _("It is hateful or violent."),
    "rights": _("It uses something that belongs to somebody else."),
    "spam": _("It is advertising or a deception."),
}
KEPT: dict[str, Any] = {
    "allowed": _("We looked at it and found that it keeps to our rules and the law."),
    "not_found": _("We found nothing here that fits what you described. It may be gone already."),
    "not_valid": _("What we were told does not say enough to act on it."),
}
OTHER: dict[str, Any] = {"other": _("For the reason below.")}
DECIDED: dict[str, Any] = REMOVED | KEPT | OTHER
