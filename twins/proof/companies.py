"""Whether face data of a twin may go to the company that runs an engine: by a consent of its own."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import consents
from accounts.consents import ConsentRequired
from ml.catalogue import SERVICES, Base

HERE_ONLY = _(
    "This twin shows somebody else, who agreed to our own machines only and not to %(company)s. Choose an"
    " engine that runs here."
)


def allows(twin: Any, base: Base) -> bool:
    """Whether photos and models of the twin may go where this engine runs. Here they always may."""
    if not base.service:
        return True
    return not twin.of_other and consents.has(twin.user_id, consents.kind_of(base.service))


def require(twin: Any, base: Base) -> None:
    """Raises ConsentRequired, whose `kind` is the consent that is missing."""
    if not base.service:
        return
    kind = consents.kind_of(base.service)
    if twin.of_other:
        raise ConsentRequired(HERE_ONLY, company=SERVICES[base.service].company, extra={"kind": str(kind)})
    consents.require(twin.user, kind)
