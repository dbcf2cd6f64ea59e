"""Jobs with their errors; no pictures."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from generation import services
from generation.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "id",
        "user",
        "kind",
        "status",
        "share",
        "count",
        "price",
        "captured",
        "attempt",
        "error_code",
        "error_detail",
        "created_at",
    )
    list_filter = ("status", "kind", "style", "error_code")
    list_select_related = ("user",)
    search_fields = ("id", "user__email")
    exclude = ("prompt", "negative_prompt", "idempotency_key")  # prompts are private
    actions = ("retry",)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Run again at no price"), permissions=["view"])
    def retry(self, request: Any, rows: Any) -> None:
        for job in rows:
            try:
                again = services.retry_job(job, cause=f"staff {request.user.pk}")
                messages.success(request, _("Running again as %(id)s.") % {"id": again.id})
            except DomainError as e:
                messages.error(request, f"{job.id}: {e.detail}")
