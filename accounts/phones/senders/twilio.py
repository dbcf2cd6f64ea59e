"""Sends through Twilio's Messages API, and checks what Twilio signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
from django.conf import settings
from django.utils.crypto import constant_time_compare

from accounts.phones.models import VALID
from accounts.phones.senders import SmsFailed, SmsUnsure

TIMES = httpx2.Timeout(10, connect=5)  # seconds
PATH = "/hooks/twilio/"
ALGORITHMS: Mapping[str, Any] = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def send(phone: str, text: str, reference: str) -> str:
    us = settings.TWILIO
    url = f"{us.url}/2010-04-01/Accounts/{us.account}/Messages.json"
    try:
        answer = httpx2.post(
            url, data=_form(phone, text, reference), auth=(us.user, us.password), timeout=TIMES
        )
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as e:
        raise SmsFailed("unreachable", str(e)) from e
    except httpx2.HTTPError as e:
        raise SmsUnsure(type(e).__name__) from e
    if answer.status_code == 201:
        return str(_json(answer).get("sid", ""))
    if answer.status_code >= 500:
        raise SmsUnsure(str(answer.status_code))
    raise SmsFailed(str(_json(answer).get("code") or answer.status_code))


def _form(phone: str, text: str, reference: str) -> dict[str, str]:
    source = settings.TWILIO.source
    form = {
        "To": phone,
        "Body": text,
        "MessagingServiceSid" if source.startswith("MG") else "From": source,
        "ValidityPeriod": str(int(VALID.total_seconds())),  # a code that comes later is of no use
    }
    if settings.SECURE:  # elsewhere Twilio does not reach us
        form["StatusCallback"] = f"{settings.ORIGIN}{PATH}{reference}"
    if settings.SMS_MAX_PRICE:
        form["MaxPrice"] = settings.SMS_MAX_PRICE
    return form


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# ---------------------------------------------------------------- signatures


def is_signed(url: str, form: Mapping[str, list[str]], headers: Mapping[str, str]) -> bool:
    """Whether Twilio signed a callback to our public `url` with all of these parameters."""
    key, algorithm = _key(headers.get("X-Twilio-Webhooks-Signature-Settings", ""))
    given = headers.get("X-Twilio-Signature", "")
    if not key or not given:
        return False
    urls = (url, _with_port(url))  # it signs with the default port or without
    return any(constant_time_compare(given, signature(key, each, form, algorithm)) for each in urls)


def signature(key: str, url: str, form: Mapping[str, list[str]], algorithm: str = "HMAC_SHA1") -> str:
    base = url + "".join(f"{name}{value}" for name in sorted(form) for value in sorted(set(form[name])))
    found = hmac.new(key.encode(), base.encode(), ALGORITHMS[algorithm])
    return base64.b64encode(found.digest()).decode()


def _key(how: str) -> tuple[str, str]:
    """The secret and the algorithm that a header names; ("", "") where we know neither."""
    if not how:
        return settings.TWILIO.token, "HMAC_SHA1"
    named = dict(part.strip().partition("=")[::2] for part in how.split(","))
    key, algorithm = settings.TWILIO.shared_keys.get(named.get("key", ""), ""), named.get("algorithm", "")
    return (key, algorithm) if algorithm in ALGORITHMS else ("", "")


def _with_port(url: str) -> str:
    parts = urlsplit(url)
    port = {"https": 443, "http": 80}.get(parts.scheme)
    return url if parts.port or not port else urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))
