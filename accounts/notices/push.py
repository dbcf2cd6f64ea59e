"""Sends notices to the browsers of their users, through the push services that the browsers chose.

Each notice is claimed before it is sent, so that two workers send it once; what a service cannot take now is
tried again for an hour. Services of unknown names get nothing, and a name that leads to a private address
gets no connection: the endpoint is the client's choice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2
from django.conf import settings
from django.utils import timezone
from django.utils.translation import override

from accounts.notices import preferences, webpush
from accounts.notices.kinds import kinds, words_of
from accounts.notices.models import Notice, PushSubscription
from ml.remote.addresses import is_public
from ml.remote.http import resolve, tls

log = logging.getLogger(__name__)

DAY = 86400  # seconds that a service keeps a message for a browser that is off
TIMES = httpx2.Timeout(5, connect=3)  # seconds
GIVEN_UP = timedelta(hours=1)
PAUSE = 60  # seconds before the next try, unless the service says how many
TAKEN, GONE, BUSY = (200, 201, 202, 204), (404, 410), (429, 500, 502, 503, 504)


class Later(Exception):
    """The service cannot take it now. `seconds`: when to try again."""

    def __init__(self, seconds: int = PAUSE) -> None:
        self.seconds = seconds
        super().__init__(seconds)


class Private(Exception):
    """The service's name leads to an address that is not public."""


# ---------------------------------------------------------------- services


def is_known(endpoint: str) -> bool:
    """Whether the endpoint is at a service of PUSH_SERVICES: https at a host that is listed, or below a
    listed “.domain”; or anything at a listed origin, such as http://127.0.0.1:9000."""
    parts = _parts(endpoint)
    if parts is None:
        return False
    if _origin(parts) in settings.PUSH_SERVICES:
        return True
    host = parts.hostname or ""
    listed = any(host == s or (s[0] == "." and host.endswith(s)) for s in settings.PUSH_SERVICES)
    return listed and parts.scheme == "https" and parts.port in (None, 443)


def _parts(endpoint: str) -> SplitResult | None:
    """None for what is no address, has a user name in it, or a character that URLs do not have."""
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return None
    try:
        parts = urlsplit(endpoint)
        _checked = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and "@" not in parts.netloc and "\\" not in endpoint else None


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _targets(endpoint: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address, options) for each way to the endpoint: the IP addresses that were checked, with the name for
    TLS. The operator vouches for an origin that PUSH_SERVICES lists. Raises Private, OSError."""
    parts = urlsplit(endpoint)
    if _origin(parts) in settings.PUSH_SERVICES:
        yield endpoint, {}
        return
    host = parts.hostname or ""
    found = resolve(host, 443)
    if not found or not all(map(is_public, found)):
        raise Private(host)
    for ip in found:
        there = f"[{ip}]" if ":" in ip else ip
        options = {"headers": {"Host": parts.netloc}, "extensions": {"sni_hostname": host}}
        yield parts._replace(netloc=there, fragment="").geturl(), options


# ---------------------------------------------------------------- sending


@dataclass(frozen=True)
class Message:
    """`topic`: a later message of the same topic replaces this one, with the service and on the screen."""

    text: bytes
    topic: str

    @classmethod
    def of(cls, notice: Notice) -> Message:
        """The title in the user's language and a link: nobody who looks at the screen learns more."""
        merged = kinds[notice.kind].merge is not None
        topic = notice.kind if merged else notice.id.hex
        with override(notice.user.language or settings.LANGUAGE_CODE):
            said = {"title": words_of(notice).title, "tag": topic, "notice": str(notice.id)}
        return cls(json.dumps(said, ensure_ascii=False).encode(), topic)


def send_due(ident: Any) -> int:
    """Sends a notice to all browsers of its user, if it is due and still unread; returns how many took it."""
    due = Notice.objects.filter(id=ident, push_at__lte=timezone.now())
    if not due.update(push_at=None):
        return 0
    notice = Notice.objects.select_related("user").get(id=ident)
    return _send_to_all(notice) if _is_wanted(notice) else 0


def _is_wanted(notice: Notice) -> bool:
    user, kind = notice.user, kinds.get(notice.kind)
    unread = user.is_active and notice.read_at is None
    return bool(unread and kind and preferences.wants(user, kind.topic, preferences.PUSH))


def _send_to_all(notice: Notice) -> int:
    """Where one browser is tried again, the others get the same message again, which replaces the first."""
    message, taken, again = Message.of(notice), 0, []
    for subscription in PushSubscription.objects.owned_by(notice.user):
        try:
            taken += send(subscription, message)
        except Later as e:
            again.append(e.seconds)
    now = timezone.now()
    if again and now - notice.created_at < GIVEN_UP:
        Notice.objects.filter(id=notice.id).update(push_at=now + timedelta(seconds=max(again)))
    return taken


def send(subscription: PushSubscription, message: Message) -> bool:
    """Whether the service took it. Deletes a subscription that the service does not know (any more).

    Raises Later.
    """
    if not is_known(subscription.endpoint):  # PUSH_SERVICES may have changed
        return False
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    try:
        status, wait = _post(subscription.endpoint, webpush.encrypt(message.text, **keys), message.topic)
    except Private as e:
        log.warning("push service %s has a private address", e)
        return False
    except (OSError, UnicodeError, httpx2.HTTPError) as e:
        raise Later from e
    if status in GONE:
        subscription.delete()
    elif status in BUSY:
        raise Later(wait)
    elif status not in TAKEN:  # 400, 401, 403, 413: it will be no better next time
        log.error("push service %s answers %s", urlsplit(subscription.endpoint).hostname, status)
    return status in TAKEN


def _post(endpoint: str, body: bytes, topic: str) -> tuple[int, int]:
    """(status, seconds to wait before another try). The body of the answer is not read."""
    audience = _origin(urlsplit(endpoint))
    head = {
        "TTL": str(DAY),
        "Urgency": "normal",
        "Topic": topic,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": webpush.authorization(
            settings.VAPID_PRIVATE_KEY, audience=audience, contact=settings.PUSH_CONTACT
        ),
    }
    error: Exception = OSError(endpoint)
    with httpx2.Client(verify=tls(), timeout=TIMES, trust_env=False, follow_redirects=False) as client:
        for address, options in _targets(endpoint):
            headers = head | options.pop("headers", {})
            try:
                with client.stream("POST", address, content=body, headers=headers, **options) as answer:
                    return answer.status_code, _wait(answer.headers.get("retry-after", ""))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as e:  # the next address may answer
                error = e
    raise error


def _wait(told: str) -> int:
    return min(int(told), 3600) if told.isdecimal() and len(told) < 6 else PAUSE
