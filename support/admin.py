"""Admin pages: feedback, which staff read and mark as done, and what readers say of articles of the help."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from config.web.admin import ClosedAdmin, ReadOnlyAdmin
from support.feedback.models import Feedback
from support.help.models import HelpVote
from support.help.services import figures
from support.maintenance import admin as maintenance  # noqa: F401  registers its page
from support.tickets import admin as tickets  # noqa: F401  registers its pages


@admin.register(Feedback)
class FeedbackAdmin(ClosedAdmin):
    list_display = ("created_at", "page", "language", "text", "done")
    list_filter = ("done", "language")
    list_select_related = ()
    search_fields = ("text", "page")
    readonly_fields = ("user", "page", "language", "text", "created_at")

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(HelpVote)
class HelpVoteAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "article", "language", "helpful", "text")
    list_filter = ("helpful", "language", "article")
    list_select_related = ()
    fields = ("article", "language", "helpful", "text", "created_at")  # not who it was
    change_list_template = "admin/support/help.html"

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"figures": figures(), **(extra_context or {})})
