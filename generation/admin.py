"""Admin pages of jobs. They show errors and no pictures."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.web.admin import ReadOnlyAdmin
from generation import services
from generation.models import Job
from generation.packs import admin as packs  # noqa: F401  registers its pages
from generation.restorations import admin as restorations  # noqa: F401  registers its page


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
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
    search_fields = ("id", "=user__email")
    exclude = ("prompt", "negative_prompt", "idempotency_key")  # prompts are private
    actions = ("retry",)

    def has_retry_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("generation.retry_job"))

    @admin.action(description=_("Run again at no price"), permissions=["retry"])
    def retry(self, request: Any, rows: Any) -> None:
        def act(job: Job) -> str:
            again = services.retry_job(job, actor=request.user)
            return _("Running again as %(id)s.") % {"id": again.id}

        self.do_each(request, rows, act)
