"""Staff's pages of privacy requests with their clock, and of the rules of retention with their last run."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import retention
from accounts.privacy import requests
from accounts.privacy.forms import AnswerForm
from accounts.privacy.models import PrivacyRequest, RetentionRun
from config.errors import DomainError
from config.web.admin import ClosedAdmin, ReadOnlyAdmin


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(ClosedAdmin):
    """The only change is the answer, once; requests/answer records, audits and sends it."""

    form = AnswerForm
    list_display = ("number", "kind", "asked_at", "proved", "due", "outcome")
    list_filter = ("kind", "outcome")
    search_fields = ("number", "=email")
    fields = ("number", "kind", "email", "details", "asked_at", "proved_at", "due", "outcome", "reply")
    readonly_fields = ("number", "kind", "email", "details", "asked_at", "proved_at", "due")

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """A request is answered once, and not before its address is proved."""
        is_open = obj is None or (obj.proved_at is not None and obj.answered_at is None)
        return super().has_change_permission(request, obj) and is_open

    @admin.display(description=_("address proved"), boolean=True)
    def proved(self, row: PrivacyRequest) -> bool:
        return row.proved_at is not None

    @admin.display(description=_("to be answered"))
    def due(self, row: PrivacyRequest) -> str:
        if row.answered_at or row.proved_at is None:
            return "–"
        days = (row.due_at - timezone.now()).days
        if row.is_overdue:
            return str(_("overdue since %(day)s")) % {"day": f"{row.due_at:%Y-%m-%d}"}
        return str(_("%(day)s, in %(n)s days")) % {"day": f"{row.due_at:%Y-%m-%d}", "n": days}

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        answered = form.cleaned_data
        try:
            requests.answer(obj, actor=request.user, outcome=answered["outcome"], reply=answered["reply"])
        except DomainError as error:  # another one of the staff was quicker
            messages.error(request, error.detail)


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    """Shows every rule, also one that was never carried out."""

    list_display = ("rule", "at", "done_at", "deleted", "total", "error")

    def changelist_view(self, request: Any, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        facts = {"title": _("Retention"), "opts": self.opts, "groups": _groups()}
        return render(request, "admin/accounts/retention.html", self.admin_site.each_context(request) | facts)


def _groups() -> list[tuple[Any, list[dict[str, Any]]]]:
    """Each rule with its last run, and whether that is too long ago."""
    runs = {run.rule: run for run in RetentionRun.objects.all()}
    return [
        (title, [_shown(rule, runs.get(rule.code)) for rule in rules]) for title, rules in retention.GROUPS
    ]


def _shown(rule: retention.Rule, run: RetentionRun | None) -> dict[str, Any]:
    late = rule.every is not None and (
        run is None or run.done_at is None or run.done_at < timezone.now() - 2 * rule.every
    )
    return {"rule": rule, "run": run, "late": late, "by_task": rule.every is not None}
