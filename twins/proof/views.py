"""Pages of the live selfie: the owner's, the one on a phone, and those of an invited person.

What the script of these pages asks is answered as the API answers it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.consents import WORDING
from accounts.models import Kind
from config.errors import DomainError, Invalid
from config.runs.events import session_id
from config.web import problems
from config.web.permissions import with_camera
from config.web.problems import told
from config.web.ratelimit import limited
from twins import checks
from twins.engines import query_of
from twins.models import Twin
from twins.proof import invitations, links, phones, services, subjects
from twins.proof.frames import read_form
from twins.proof.models import Invitation
from twins.proof.qr import picture_of
from twins.proof.serializers import ChallengeForm, show_verification

HELD = ("pending", "review", "verified")  # states in which there is nothing to answer


def answers_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorates what a script asks outside /api/: refusals are answered as there."""

    @functools.wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except DomainError as error:
            return problems.respond(error)

    return answer


def browser_of(request: HttpRequest) -> str:
    """The name of this browser's session, which is made for a visitor who has none."""
    if not request.session.session_key:
        request.session.create()
    return session_id(request.session.session_key or "")


# ---------------------------------------------------------------- the owner


@login_required
@require_GET
@with_camera
def verify(request: HttpRequest, ident: str) -> HttpResponse:
    return _page(request, Twin.objects.owned_by(request.user).get_or_404(ident))


def _page(request: HttpRequest, twin: Twin, **more: Any) -> HttpResponse:
    ready = checks.readiness(list(twin.photos.accepted()))
    query = query_of(request.GET.get("engine", ""))
    facts = {
        "twin": twin,
        "tab": "twins",
        "shown": show_verification(twin),
        "consented": subjects.has_consent(twin),
        "lacks": bool(ready.needed or ready.people),
        "asks": f"/api/v1/twins/{twin.id}/verification",
        "state": reverse("verify_state", args=[twin.id]),
        "back": f"{reverse('twin', args=[twin.id])}{query}",
        "query": query,
        "invitation": Invitation.objects.filter(twin=twin, revoked_at=None).first(),
    }
    return render(request, "twins/verify.html", facts | more)


@login_required
@require_GET
def verify_state(request: HttpRequest, ident: str) -> HttpResponse:
    """How far it is, without a new challenge."""
    return JsonResponse(show_verification(Twin.objects.owned_by(request.user).get_or_404(ident)))


@login_required
@require_POST
@told
@limited("selfie_links")
@with_camera
def phone(request: HttpRequest, ident: str) -> HttpResponse:
    """Shows the link to a phone once: only its hash is kept."""
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    where = _origin(reverse("selfie_phone", args=[phones.make_link(twin)]))
    return _page(request, twin, phone=where, qr=picture_of(where))


@login_required
@require_POST
@told
@limited("selfie_links")
def invite(request: HttpRequest, ident: str) -> HttpResponse:
    """Shows the consent link once: only its hash is kept."""
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    _invitation, token = invitations.invite(twin)
    twin.refresh_from_db()
    where = _origin(reverse("invited", args=[token]))
    return _page(request, twin, link=where, qr=picture_of(where))


@login_required
@require_POST
@told
def revoke(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    invitations.revoke(twin)
    messages.success(request, _("The link is not valid any more."))
    return redirect("verify_twin", twin.id)


def _origin(path: str) -> str:
    return f"{settings.ORIGIN}{path}"


# ---------------------------------------------------------------- the owner's phone


@require_GET
@with_camera
def on_phone(request: HttpRequest, token: str) -> HttpResponse:
    link = phones.opened(token)
    facts = {
        "shown": show_verification(link.twin),
        "asks": reverse("selfie_phone_ask", args=[token]),
        "state": reverse("selfie_phone_state", args=[token]),
    }
    return render(request, "twins/phone.html", facts)


@require_http_methods(["GET", "POST"])
@answers_json
@limited("selfies")
def ask_on_phone(request: HttpRequest, token: str) -> HttpResponse:
    link, session = phones.opened(token), browser_of(request)
    phones.take(link, session)
    return _ask(request, link.twin, session)


@require_GET
@answers_json
def phone_state(request: HttpRequest, token: str) -> HttpResponse:
    return JsonResponse(show_verification(phones.opened(token).twin))


def _ask(
    request: HttpRequest, twin: Twin, session: str, invitation: Invitation | None = None
) -> HttpResponse:
    """GET: a challenge. POST: the frames that answer it."""
    if request.method == "POST":
        form = ChallengeForm(data=request.POST)
        form.is_valid(raise_exception=False)
        if form.errors:
            raise Invalid(errors=problems.flattened(form.errors))
        services.take_selfie(
            twin,
            challenge=form.validated_data["challenge"],
            session=session,
            movements=read_form(request.FILES),
            invitation=invitation,
        )
        return JsonResponse(show_verification(twin), status=202)
    shown = show_verification(twin)
    if shown["status"] in HELD:
        return JsonResponse(shown)
    challenge = services.draw_challenge(twin, session=session, invitation=invitation)
    return JsonResponse(show_verification(twin, challenge))


# ---------------------------------------------------------------- an invited person

WITHDRAWALS = "selfie_withdrawals"  # the session's key: invitation -> token of the link that withdraws


def _opened(request: HttpRequest, token: str) -> tuple[Invitation, str]:
    """The invitation and this browser's session, which nobody gets by a made-up link."""
    links.find(Invitation, token)
    session = browser_of(request)
    return invitations.opened(token, session), session


@require_GET
@with_camera
def invited(request: HttpRequest, token: str) -> HttpResponse:
    invitation, session = _opened(request, token)
    twin = invitation.twin
    ready = checks.readiness(list(twin.photos.accepted()))
    kept = request.session.get(WITHDRAWALS, {}).get(str(invitation.id))
    facts = {
        "invitation": invitation,
        "twin": twin,
        "agreed": invitations.agreed_here(invitation, session),
        "wording": invitations.WORDS,
        "version": WORDING[Kind.BIOMETRIC_TWIN][0],
        "shown": show_verification(twin),
        "lacks": bool(ready.needed or ready.people),
        "asks": reverse("invited_ask", args=[token]),
        "state": reverse("invited_state", args=[token]),
        "agree": reverse("invited_agree", args=[token]),
        "withdrawal": _origin(reverse("withdraw_invitation", args=[kept])) if kept else "",
        "qr": picture_of(_origin(request.path)),
    }
    return render(request, "twins/invited.html", facts)


@require_POST
@told
@limited("invited")
def agree(request: HttpRequest, token: str) -> HttpResponse:
    invitation, session = _opened(request, token)
    if not request.POST.get("agreed"):
        messages.error(request, _("Read the text and tick the box first."))
        return redirect("invited", token)
    withdrawal = invitations.agree(invitation, session=session, version=request.POST.get("version", ""))
    kept = request.session.get(WITHDRAWALS, {})
    request.session[WITHDRAWALS] = kept | {str(invitation.id): withdrawal}
    return redirect("invited", token)


@require_http_methods(["GET", "POST"])
@answers_json
@limited("selfies")
def ask_invited(request: HttpRequest, token: str) -> HttpResponse:
    invitation, session = _opened(request, token)
    return _ask(request, invitation.twin, session, invitation)


@require_GET
@answers_json
def invited_state(request: HttpRequest, token: str) -> HttpResponse:
    return JsonResponse(show_verification(_opened(request, token)[0].twin))


@require_http_methods(["GET", "POST"])
@limited("invited")
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, and says what it ends and deletes."""
    invitation = invitations.withdrawable(token)
    if request.method == "POST":
        invitations.withdraw(invitation)
        invitation.refresh_from_db()
    return render(request, "twins/withdraw.html", {"invitation": invitation})
