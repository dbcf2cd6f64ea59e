"""All requests to Stripe. Several keys may be set while one is replaced. Errors become DomainErrors."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import stripe
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, NotFound, Unavailable

TIMEOUT = 5  # seconds; Stripe waits longer for the answer to a webhook, which may make requests
log = logging.getLogger(__name__)
_transport: stripe.HTTPClient | None = None


class PaymentsNotConfigured(DomainError):
    code, status = "payments_not_configured", 503
    message = _(
        "Payments are not set up here, so nothing can be bought. Ask whoever runs this site for credits."
    )


def use(transport: stripe.HTTPClient | None) -> None:
    """Send requests through `transport` from now on. Tests pass a fake Stripe."""
    global _transport
    _transport = transport


def configured() -> bool:
    return bool(settings.STRIPE_SECRET_KEYS)


def call(ask: Callable[[Any], Any]) -> dict[str, Any]:
    """The result of `ask(client.v1)`, as plain dicts and lists.

    Raises PaymentsNotConfigured, Unavailable, NotFound.
    """
    if not configured():
        raise PaymentsNotConfigured
    for key in settings.STRIPE_SECRET_KEYS:
        try:
            return dict(ask(_client(key).v1).to_dict())
        except stripe.AuthenticationError:
            log.warning("a key of Stripe is not accepted: %s...", key[:8])
        except stripe.InvalidRequestError as e:
            if e.http_status == 404:
                raise NotFound from e
            log.exception("Stripe refused a request of ours")
            raise Unavailable from e
        except stripe.StripeError as e:
            raise Unavailable from e
    raise Unavailable


def pages(ask: Callable[[Any, dict[str, Any]], Any]) -> list[dict[str, Any]]:
    """All rows of a list: calls `ask(client.v1, params)` page by page."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        part = call(lambda v1, after=after: ask(v1, {"limit": 100, **after}))
        found += part["data"]
        if not part["has_more"]:
            return found


@functools.cache
def _line() -> stripe.HTTPClient:
    """The transport of this process. It keeps connections open."""
    return stripe.RequestsClient(timeout=TIMEOUT)


def _client(key: str) -> stripe.StripeClient:
    transport = _transport or _line()
    return stripe.StripeClient(
        key, http_client=transport, base_addresses={"api": settings.STRIPE_API}, max_network_retries=1
    )
