"""What `manage.py check --deploy` says about the operator's details."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Tags, Warning, register

NEEDED = ("NAME", "ADDRESS", "EMAIL")


@register(Tags.security, deploy=True)
def operator_is_named(**_options: Any) -> list[Warning]:
    """The law asks who is responsible; /imprint/ and /privacy/ say it."""
    missing = [f"OPERATOR_{name}" for name in NEEDED if not settings.OPERATOR[name.lower()]]
    if not missing:
        return []
    text = f"The imprint does not say who runs this service: {', '.join(missing)} is not set."
    return [Warning(text, hint="Set them in the environment; see docs/compliance.md.", id="accounts.W001")]


@register(Tags.security, deploy=True)
def codes_reach_phones(**_options: Any) -> list[Warning]:
    """Whoever reads the logs could log in as anybody."""
    if settings.SMS_SENDER != "console" or not settings.SECURE:
        return []
    text = "SMS_SENDER=console prints the codes of log-ins into the log, and sends them nowhere."
    return [Warning(text, hint="Choose twilio or sns; see docs/sms.md.", id="accounts.W002")]
