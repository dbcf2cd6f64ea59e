"""The pages of notices: the list and the bell's menu, the preferences, the end of e-mails."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.notices import emails, preferences, services
from accounts.notices.kinds import Topic, kinds, labels_of
from accounts.notices.models import Notice, PushSubscription
from accounts.notices.serializers import show_notice, show_subscriptions
from config.web.pagination import page
from config.web.problems import told

IN_MENU = 6


def unread(request: HttpRequest) -> dict[str, Any]:
    """A context processor: how many notices are unread, counted only when a template shows it."""
    return {"unread_notices": SimpleLazyObject(lambda: services.unread(request.user))}


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    """The page; with `part` its list alone, with `menu` what the bell shows."""
    found = services.notices_of(request.user)
    if request.GET.get("menu"):
        newest = [show_notice(notice) for notice in found[:IN_MENU]]
        return render(request, "accounts/notices/_menu.html", {"notices": newest})
    shown = page(request, found, show_notice)
    facts = {"notices": shown["results"], "next": shown["next"] and f"?{shown['next'].partition('?')[2]}"}
    template = "_list" if request.GET.get("part") else "list"
    return render(request, f"accounts/notices/{template}.html", facts | {"tab": "account"})


@login_required
@require_GET
@told
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    """Leads to what a notice is about, and marks it as read. E-mails and push messages link here."""
    notice = services.notices_of(request.user).get_or_404(ident)
    services.mark_read(request.user, ids=[notice.id])
    if not _is_there(notice):
        messages.info(request, _("What this was about was deleted meanwhile."))
        return redirect("notices")
    return redirect(kinds[notice.kind].path(notice))


def _is_there(notice: Notice) -> bool:
    model = apps.get_model(notice.subject_kind)
    return bool(model._default_manager.owned_by(notice.user).filter(pk=notice.subject_id).exists())


@login_required
@require_POST
@told
def read_all(request: HttpRequest) -> HttpResponse:
    services.mark_read(request.user, all=True)
    return redirect("notices")


# ---------------------------------------------------------------- preferences

ABOUT = {
    Topic.TRAINING: lambda: _("A training has ended."),
    Topic.GENERATION: lambda: _("Pictures, headshots, repairs and restorations are done."),
    Topic.EXPORT: lambda: _("A download is packed."),
    Topic.ACCOUNT: lambda: _(
        "Somebody has withdrawn the consent to a twin of yours, or we decided about something that you"
        " published or reported."
    ),
    Topic.SUPPORT: lambda: _("We have answered what you wrote to us."),
}


@login_required
@require_http_methods(["GET", "POST"])
@told
def choose(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if request.method == "POST":
        sent = request.POST
        preferences.change(
            user, {t: {c: f"{t}-{c}" in sent for c in preferences.CHANNELS} for t in Topic.values}
        )
        messages.success(request, _("Saved."))
        return redirect("notice_preferences")
    chosen = preferences.of(user)
    rows = [{"topic": t, "label": t.label, "about": ABOUT[t](), **chosen[t]} for t in Topic]
    facts = {"rows": rows, "push": show_subscriptions(user), "mails_to": user.proven_address}
    return render(request, "accounts/notices/preferences.html", facts | {"tab": "account"})


@login_required
@require_POST
@told
def forget_browser(request: HttpRequest, ident: str) -> HttpResponse:
    PushSubscription.objects.owned_by(request.user).get_or_404(ident).delete()
    messages.success(request, _("This browser gets no more push messages."))
    return redirect("notice_preferences")


# ---------------------------------------------------------------- without a log-in


@csrf_exempt  # the token is the proof, and mail programs post without a cookie (RFC 8058)
@require_http_methods(["GET", "POST"])
@told
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, as mail scanners follow links; POST ends the e-mails."""
    user_id, topics = emails.read_token(token)
    if request.method == "POST":
        preferences.stop_mails(user_id, topics)
    facts = {"topics": labels_of(topics), "done": request.method == "POST"}
    return render(request, "accounts/notices/unsubscribe.html", facts)
