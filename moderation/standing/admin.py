"""Staff's pages of strikes and suspensions, and of one person's whole history, where staff act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.standing.models import Suspension
from config.errors import DomainError, Invalid
from config.web.admin import ReadOnlyAdmin
from config.web.problems import sentence_of
from config.web.text import FormText
from moderation.models import AuditEntry
from moderation.standing import strikes, suspending
from moderation.standing.models import Strike
from moderation.standing.rules import LIMIT, RULES

RIGHT = "accounts.change_standing"
STRIKE_TEXT = 200
ENTRIES = 50  # of the audit log, on the page of a person
LENGTHS: dict[str, Any] = {
    "1d": gettext_lazy("1 day"),
    "7d": gettext_lazy("7 days"),
    "30d": gettext_lazy("30 days"),
    "good": gettext_lazy("for good"),
}


class OfPerson(ReadOnlyAdmin):
    list_select_related = ("user", "by")

    @admin.display(description=gettext_lazy("person"), ordering="user")
    def person(self, row: Any) -> str:
        where = reverse("admin:standing_of", args=[row.user_id])
        return format_html('<a href="{}">{}</a>', where, row.user)


@admin.register(Suspension)
class SuspensionAdmin(OfPerson):
    list_display = ("at", "person", "reason", "until", "lifted_at", "by", "appealed_at", "answered_at")
    list_filter = ("reason", "appealed_at", "answered_at")
    list_display_links = None


@admin.register(Strike)
class StrikeAdmin(OfPerson):
    list_display = ("at", "person", "rule", "cause", "expires_at", "cancelled_at", "by")
    list_filter = ("rule", "at")
    list_display_links = None

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.person_page))
        return [path("of/<uuid:ident>/", page, name="standing_of"), *super().get_urls()]

    def person_page(self, request: Any, ident: Any) -> HttpResponse:
        """A person's strikes, suspensions and entries of the audit log; POST acts on them."""
        if not request.user.has_perm(RIGHT):
            raise PermissionDenied
        user = User.objects.filter(id=ident).first()
        if user is None:
            raise Http404
        if request.method == "POST":
            try:
                messages.success(request, act(user, actor=request.user, said=request.POST))
            except DomainError as error:
                messages.error(request, sentence_of(error))
            return redirect(reverse("admin:standing_of", args=[user.pk]))
        return render(
            request, "admin/moderation/standing.html", self.admin_site.each_context(request) | _facts(user)
        )


def _facts(user: Any) -> dict[str, Any]:
    found = list(Suspension.objects.filter(user=user).select_related("by"))
    reasons = [(code, text) for code, text in Suspension.Reason.choices if code != Suspension.Reason.STRIKES]
    return {
        "title": str(user),
        "person": user,
        "strikes": Strike.objects.filter(user=user).select_related("by"),
        "limit": LIMIT,
        "suspensions": found,
        "now": next((each for each in found if each.is_in_force), None),
        "entries": AuditEntry.objects.filter(actor=user)[:ENTRIES],
        "about": AuditEntry.objects.filter(subject_id=str(user.pk)).select_related("actor")[:ENTRIES],
        "rules": RULES,
        "reasons": reasons,
        "lengths": LENGTHS,
    }


def act(user: Any, *, actor: Any, said: Any) -> str:
    """What one of the page's forms asks for; a sentence about it. Raises DomainError."""
    verb, text = said.get("act", ""), _typed(said)
    if verb == "strike":
        return _strike(user, actor, said.get("rule", ""), text)
    if verb == "cancel":
        strikes.cancel(Strike.objects.owned_by(user).get_or_404(said.get("strike", "")), actor=actor)
        return _("The strike does not count any more.")
    if verb == "suspend":
        return _suspend(user, actor, said, text)
    found = Suspension.objects.owned_by(user).get_or_404(said.get("suspension", ""))
    if verb == "lift":
        suspending.lift(found, actor=actor, text=text)
        return _("The suspension is lifted.")
    suspending.refuse_appeal(found, actor=actor, text=text)
    return _("The suspension stays, and the person is told.")


def _typed(said: Any) -> str:
    try:
        return str(FormText(required=False).clean(said.get("text", ""))).strip()
    except ValidationError as error:
        raise Invalid(errors={"text": list(error.messages)}) from None


def _strike(user: Any, actor: Any, rule: str, text: str) -> str:
    suspending.check_words(text)
    if rule not in RULES or len(text) > STRIKE_TEXT:
        raise Invalid(errors={"rule": [_("Choose a rule, and write at most 200 characters.")]})
    if strikes.give(user, rule=rule, text=text, actor=actor) is None:
        raise suspending.StaffNotSuspended
    return _("The strike is given, and the person is told.")


def _suspend(user: Any, actor: Any, said: Any, text: str) -> str:
    if (length := said.get("length", "")) not in suspending.LENGTHS:
        raise Invalid(errors={"length": [_("Choose how long.")]})
    days = suspending.LENGTHS[length]
    until = timezone.now() + timedelta(days=days) if days else None
    suspending.suspend(user, actor=actor, reason=said.get("reason", ""), text=text, until=until)
    return _("The account is suspended, and the person is told.")
