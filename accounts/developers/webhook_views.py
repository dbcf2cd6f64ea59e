"""The pages of webhooks: the list with a form, and one webhook with its log."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.exceptions import ValidationError

from accounts.developers import webhooks
from accounts.developers.models import Delivery, Event, Webhook
from accounts.developers.sending import ERRORS
from accounts.developers.webhook_serializers import ReplayForm, WebhookForm
from config.errors import DomainError, Invalid
from config.web.pagination import page
from config.web.problems import flattened, sentence_of, told
from config.web.ratelimit import limited

READY = [Event.TRAINING_SUCCEEDED, Event.TRAINING_FAILED, Event.GENERATION_SUCCEEDED, Event.GENERATION_FAILED]


@login_required
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _list(request, chosen=READY)
    try:
        return _add(request)
    except (DomainError, ValidationError) as error:
        refused = error if isinstance(error, DomainError) else Invalid(errors=flattened(error.detail))
        typed = {"url": request.POST.get("url", ""), "chosen": request.POST.getlist("events")}
        return _list(request, status=refused.status, refused=sentence_of(refused), **typed)


@limited("webhooks")
def _add(request: HttpRequest) -> HttpResponse:
    form = WebhookForm(
        data={"url": request.POST.get("url", "").strip(), "events": request.POST.getlist("events")}
    )
    form.is_valid(raise_exception=True)
    hook, secret = webhooks.create_webhook(request.user, **form.validated_data)
    return _show(request, hook, secret=secret)


def _list(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    facts = {"hooks": Webhook.objects.owned_by(request.user), "events": Event.choices, "tab": "account"}
    return render(request, "accounts/developers/webhooks.html", facts | more, status=status)


@login_required
@require_GET
@told
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    return _show(request, _mine(request, ident))


def _show(request: HttpRequest, hook: Webhook, **more: Any) -> HttpResponse:
    sent = page(request, hook.deliveries.prefetch_related("attempts"), _line)
    facts = {
        "hook": hook,
        "log": sent["results"],
        "next": _query(sent["next"]),
        "failed": hook.deliveries.filter(status=Delivery.Status.FAILED).count(),
        "tab": "account",
    }
    return render(request, "accounts/developers/webhook.html", facts | more)


def _line(one: Delivery) -> dict[str, Any]:
    tries = [{"row": each, "error": ERRORS.get(each.error, "")} for each in one.attempts.all()]
    return {"row": one, "tries": tries, "waits": one.status == Delivery.Status.PENDING}


def _query(link: str | None) -> str:
    return f"?{link.partition('?')[2]}" if link else ""


def _mine(request: HttpRequest, ident: str) -> Webhook:
    found: Webhook = Webhook.objects.owned_by(request.user).get_or_404(ident)
    return found


@login_required
@require_POST
@told
@limited("webhooks_send")
def test(request: HttpRequest, ident: str) -> HttpResponse:
    webhooks.send_test(_mine(request, ident))
    messages.success(request, _("A test is on its way. Load this page again to see how it went."))
    return redirect("webhook", ident)


@login_required
@require_POST
@told
@limited("webhooks_send")
def replay(request: HttpRequest, ident: str) -> HttpResponse:
    hook = _mine(request, ident)
    wanted = request.POST.get("delivery", "")
    form = ReplayForm(data={"delivery": wanted} if wanted else {})
    form.is_valid(raise_exception=True)
    n = webhooks.replay(hook, **form.validated_data)
    messages.success(
        request, ngettext("%(n)s message is sent again.", "%(n)s messages are sent again.", n) % {"n": n}
    )
    return redirect("webhook", ident)


@login_required
@require_POST
@told
@limited("webhooks")
def rotate(request: HttpRequest, ident: str) -> HttpResponse:
    hook = _mine(request, ident)
    return _show(request, hook, secret=webhooks.rotate_secret(hook))


@login_required
@require_POST
@told
def change(request: HttpRequest, ident: str) -> HttpResponse:
    """Turns it on or off, or deletes it."""
    hook, act = _mine(request, ident), request.POST.get("act")
    if act == "delete":
        hook.delete()
        messages.success(request, _("The webhook was deleted."))
        return redirect("webhooks")
    if act in ("on", "off"):
        webhooks.change_webhook(hook, enabled=act == "on")
    return redirect("webhook", ident)
