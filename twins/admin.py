"""Twins, verdicts and trainings, without a single private picture."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from twins import services
from twins.models import Photo, Training, Twin


class Looked(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff look and use the actions; rows are changed by services alone."""

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(Twin)
class TwinAdmin(Looked):
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
    search_fields = ("name", "user__email")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).with_facts()

    @admin.display(description=_("accepted photos"))
    def photos_accepted(self, twin: Any) -> int:
        return int(twin.accepted_count)


@admin.register(Photo)
class PhotoAdmin(Looked):
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
class TrainingAdmin(Looked):
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

    @admin.action(description=_("Run again at no price"), permissions=["view"])
    def retry(self, request: Any, rows: Any) -> None:
        for training in rows:
            try:
                again = services.retry_training(training, cause=f"staff {request.user.pk}")
                messages.success(request, _("Running again as %(id)s.") % {"id": again.id})
            except DomainError as e:
                messages.error(request, f"{training.id}: {e.detail}")
