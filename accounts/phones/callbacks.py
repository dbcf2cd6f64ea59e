"""What Twilio tells of a message, at /hooks/twilio/<reference>."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.phones.models import State
from accounts.phones.senders import twilio
from accounts.phones.sending import note
from config.errors import Forged, NotFound
from config.web import problems

STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}


@csrf_exempt
@require_POST
def twilio_hook(request: HttpRequest, reference: Any) -> HttpResponse:
    """204 for whatever Twilio signed, also when it changes nothing: it would come again."""
    if settings.TWILIO is None:
        return problems.respond(NotFound())
    form = {name: request.POST.getlist(name) for name in request.POST}
    url = f"{settings.ORIGIN}{request.get_full_path()}"  # as Twilio called it, whatever proxies made of it
    if not twilio.is_signed(url, form, request.headers) or form.get("AccountSid") != [
        settings.TWILIO.account
    ]:
        return problems.respond(Forged())
    state = STATES.get(request.POST.get("MessageStatus", ""))
    if state:
        note(reference, state, request.POST.get("ErrorCode", ""))
    return HttpResponse(status=204)
