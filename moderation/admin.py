"""Admin pages of blocked words and of the audit log."""

from __future__ import annotations

from django.contrib import admin

from config.web.admin import ClosedAdmin, ReadOnlyAdmin
from moderation.cases import admin as cases  # noqa: F401  registers its pages
from moderation.hashes import admin as hashes  # noqa: F401  registers its page
from moderation.models import AuditEntry, BlockedTerm


@admin.register(BlockedTerm)
class BlockedTermAdmin(ClosedAdmin):
    list_display = ("text", "reason", "created_at")
    search_fields = ("text",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "verb", "subject_kind", "subject_id", "detail")
    list_filter = ("verb",)
    list_select_related = ("actor",)
