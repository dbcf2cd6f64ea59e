"""Admin page of restorations. It shows no pictures, notes or tags."""

from __future__ import annotations

from django.contrib import admin

from config.web.admin import ReadOnlyAdmin
from generation.restorations.models import Restoration


@admin.register(Restoration)
class RestorationAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "user",
        "job",
        "engine",
        "before",
        "after",
        "identity",
        "flagged",
        "rating",
        "created_at",
    )
    list_filter = ("engine", "flagged", "rating")
    list_select_related = ("user", "job")
    search_fields = ("id", "=user__email")
    exclude = ("notes", "tags", "faces")
