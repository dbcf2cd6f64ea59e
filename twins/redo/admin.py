"""Staff see which twins were marked and trained again, and no picture."""

from __future__ import annotations

from django.contrib import admin

from config.web.admin import ReadOnlyAdmin
from twins.redo.models import Redo


@admin.register(Redo)
class RedoAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "twin", "marks", "advice", "training", "retraining")
    list_select_related = ("user", "twin", "training", "retraining")
    date_hierarchy = "created_at"
