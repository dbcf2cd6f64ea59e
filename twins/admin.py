"""Admin pages of twins, photos and trainings. No page shows or links a picture."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.web.admin import ReadOnlyAdmin
from twins import services
from twins.models import Photo, Training, Twin
from twins.proof import admin as proof  # noqa: F401  registers its pages
from twins.redo import admin as redo  # noqa: F401  registers its pages


@admin.register(Twin)
class TwinAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "user",
        "subject_class",
        "photos_accepted",
        "active_training",
        "disabled_at",
        "created_at",
    )
    list_select_related = ("user", "active_training")
    search_fields = ("name", "=user__email")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).with_facts()

    @admin.display(description=_("accepted photos"))
    def photos_accepted(self, twin: Any) -> int:
        return int(twin.accepted_count)


@admin.register(Photo)
class PhotoAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "user",
        "twin",
        "accepted",
        "code",
        "width",
        "height",
        "light",
        "sharpness",
        "yaw",
        "status",
        "error_code",
        "created_at",
    )
    list_filter = ("accepted", "code", "status")
    list_select_related = ("user", "twin")
    exclude = ("embedding", "file_name")


@admin.register(Training)
class TrainingAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "user",
        "twin",
        "number",
        "status",
        "share",
        "likeness",
        "likeness_base",
        "likeness_real",
        "seconds",
        "price",
        "error_code",
        "created_at",
    )
    list_filter = ("status", "base", "error_code")
    list_select_related = ("user", "twin")
    actions = ("retry",)

    def has_retry_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm("twins.retry_training"))

    @admin.action(description=_("Run again at no price"), permissions=["retry"])
    def retry(self, request: Any, rows: Any) -> None:
        def act(training: Training) -> str:
            again = services.retry_training(training, actor=request.user)
            return _("Running again as %(id)s.") % {"id": again.id}

        self.do_each(request, rows, act)
