"""Admin page of feedback: staff read it and mark it as done."""

from __future__ import annotations

from django.contrib import admin

from config.web.admin import ClosedAdmin
from support.feedback.models import Feedback


@admin.register(Feedback)
class FeedbackAdmin(ClosedAdmin):
    list_display = ("created_at", "page", "language", "text", "done")
    list_filter = ("done", "language")
    list_select_related = ()
    search_fields = ("text", "page")
    readonly_fields = ("user", "page", "language", "text", "created_at")

    def has_add_permission(self, request: object) -> bool:
        return False
