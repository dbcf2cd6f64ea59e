"""What of asking and logging in needs the request: who asks, what is sent after the answer, allauth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.signup import complete_signup
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import AuthenticationResponse
from allauth.headless.constants import Client
from allauth.headless.internal import authkit
from allauth.headless.internal.decorators import mark_request_as_headless
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from accounts import devices
from accounts.models import User
from accounts.phones import services
from accounts.phones.caps import DEVICE
from accounts.phones.models import Channel, PhoneCode, Purpose
from accounts.phones.sending import deliver
from config.errors import NotAuthenticated
from config.web.afterwards import afterwards
from config.web.ratelimit import network


def asker(request: Any, phone: str, channel: str) -> str:
    """Who is counted: the network, as a hash. An e-mail to a known device of the number's account counts for
    that device alone, so that strangers who use its network or its number up do not shut the owner out."""
    if channel == Channel.EMAIL:
        device, known = devices.known(request, User.objects.filter(phone=phone))
        if known:
            return f"{DEVICE}{device}"
    return salted_hmac("asker", network(request), algorithm="sha256").hexdigest()


def ask(request: Any, phone: str, *, purpose: str, channel: str = Channel.SMS, user: Any = None) -> PhoneCode:
    """As services.ask; the message leaves after the answer to this request."""
    by = asker(request, phone, channel)
    row, code = services.ask(phone, purpose=purpose, asker=by, channel=channel, user=user)
    return _send(request, row, code)


def ask_proof(request: Any) -> PhoneCode:
    by = asker(request, request.user.phone or "", Channel.SMS)
    return _send(request, *services.ask_proof(request.user, asker=by))


def _send(request: Any, row: PhoneCode, code: str) -> PhoneCode:
    afterwards(request, partial(deliver, row, code, get_language() or "en"))
    return row


def enter(request: Any, ident: Any, typed: str, *, terms: str = "", then: str = "") -> Any:
    """Logs in with a code, or signs up; allauth's answer. Who has a second factor is asked for it next.

    Raises Invalid and CodeExpired.
    """
    services.check_terms(terms)
    row = services.spend(ident, typed, purpose=Purpose.ENTER)
    user, new = services.account_of(row)
    record_authentication(request, user, method="code", phone=row.phone)
    if new:
        return complete_signup(request, user=user, email_verification="none", redirect_url=then)
    return perform_login(request, Login(user=user, redirect_url=then))


def for_app(request: Any, work: Callable[[], Any]) -> Any:
    """Does `work`, a log-in, for a client with tokens and no cookies. The answer is that of allauth's API.

    Raises NotAuthenticated for a session token that has ended.
    """
    mark_request_as_headless(request, Client.APP)
    try:
        with authkit.authentication_context(request):
            return AuthenticationResponse.from_response(request, work())
    except ImmediateHttpResponse:
        raise NotAuthenticated from None
