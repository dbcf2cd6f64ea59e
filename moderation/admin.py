"""Blocked words, and what was done."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from moderation.models import AuditEntry, BlockedTerm


@admin.register(BlockedTerm)
class BlockedTermAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("text", "reason", "created_at")
    search_fields = ("text",)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("at", "actor", "verb", "subject_kind", "subject_id", "detail")
    list_filter = ("verb",)
    list_select_related = ("actor",)

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False
