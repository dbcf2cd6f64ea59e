"""Admin pages of the audit log, and of the rooms of this app."""

from __future__ import annotations

from django.contrib import admin

from config.web.admin import ReadOnlyAdmin
from moderation.adult import admin as adult  # noqa: F401  registers its page
from moderation.cases import admin as cases  # noqa: F401  registers its pages
from moderation.hashes import admin as hashes  # noqa: F401  registers its page
from moderation.lists import admin as lists  # noqa: F401  registers its pages
from moderation.models import AuditEntry
from moderation.standing import admin as standing  # noqa: F401  registers its pages


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "verb", "subject_kind", "subject_id", "detail")
    list_filter = ("verb",)
    list_select_related = ("actor",)
