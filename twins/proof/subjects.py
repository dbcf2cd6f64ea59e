"""Whose consent a twin needs: its owner's, or, for a twin of somebody else, that person's own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.consents import ConsentRequired
from accounts.models import Kind
from twins.proof.models import Invitation

BY_LINK = _("This twin shows somebody else. That person agrees first, by the consent link that you send.")


def has_consent(twin: Any) -> bool:
    """Whether the person whom the twin shows agrees to the current wording."""
    if twin.of_other:
        return Invitation.objects.consented().filter(twin=twin).exists()
    return consents.has(twin.user_id, Kind.BIOMETRIC_TWIN)


def require_consent(twin: Any) -> None:
    """Raises ConsentRequired."""
    if twin.of_other and not has_consent(twin):
        raise ConsentRequired(BY_LINK, extra={"kind": str(Kind.BIOMETRIC_TWIN)})
    if not twin.of_other:
        consents.require(twin.user, Kind.BIOMETRIC_TWIN)
