"""The form of a proof of age, as the page and the API take it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import Invalid
from moderation.adult import services
from moderation.adult.models import AgeCheck

AGREE: Any = _("Agree that the document is looked at: without it there is no proof.")


def begin(user: Any, said: dict[str, Any]) -> tuple[AgeCheck, str]:
    """What a valid form asks for. Raises as services.ask, and Invalid without the agreement."""
    if not said["agree"]:
        raise Invalid(errors={"agree": [str(AGREE)]})
    document = said["file"].read() if said.get("file") else b""
    return services.ask(user, country=said["country"].upper(), document=document)
