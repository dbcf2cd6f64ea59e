"""Admin pages of cases. They are decided in the queue (queue.py)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from config.web.admin import ReadOnlyAdmin
from moderation.cases.models import Case, Decision, Match


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("number", "in_queue", "kind", "state", "reason", "count", "due_at", "created_at")
    list_filter = ("state", "kind", "reason", "escalated")
    search_fields = ("number",)
    exclude = ("reminded", "matched")

    @admin.display(description=_("queue"))
    def in_queue(self, case: Case) -> Any:
        if case.state == Case.State.DECIDED:
            return "–"
        return format_html('<a href="{}?case={}">{}</a>', reverse("moderation_queue"), case.number, _("open"))


@admin.register(Match)
class MatchAdmin(ReadOnlyAdmin):
    list_display = ("case", "subject_kind", "subject_id", "state", "agreement")
    list_filter = ("state",)
    list_select_related = ("case",)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("case", "outcome", "reason", "by", "at", "undone_at", "told_at", "removed_at")
    list_filter = ("outcome", "reason")
    list_select_related = ("case", "by")
