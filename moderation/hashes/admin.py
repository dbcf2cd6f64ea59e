"""Staff's page of blocked hashes: import and export as text, and taking a hash off the list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.errors import DomainError, MissingFile
from config.web.admin import ReadOnlyAdmin
from moderation.hashes import lists
from moderation.hashes.models import BlockedHash
from moderation.lists import services as versions
from moderation.lists.lines import line_of
from moderation.models import AuditEntry

RIGHT = "moderation.change_hash_lists"


@admin.register(BlockedHash)
class BlockedHashAdmin(ReadOnlyAdmin):
    change_list_template = "admin/moderation/hashes.html"
    list_display = ("__str__", "source", "date", "created_at")
    list_filter = ("source",)
    search_fields = ("source",)
    exclude = ("bits", "words")

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.has_perm("moderation.delete_blockedhash"))

    def delete_model(self, request: Any, obj: Any) -> None:
        """As a version of the list."""
        versions.take_off("hashes", [line_of(obj)], actor=request.user, why=f"taken off: {obj}")

    def get_urls(self) -> list[Any]:
        mine = [
            path("import/", self.admin_site.admin_view(self.bring_in), name="import_hashes"),
            path("export/", self.admin_site.admin_view(self.give_out), name="export_hashes"),
        ]
        return [*mine, *super().get_urls()]

    def bring_in(self, request: Any) -> HttpResponse:
        """Imports the file `list`: all of it, or nothing."""
        self._require(request)
        try:
            if request.method == "POST":
                self._import(request)
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(reverse("admin:moderation_blockedhash_changelist"))

    @transaction.atomic
    def _import(self, request: Any) -> None:
        if "list" not in request.FILES:
            raise MissingFile
        text = request.FILES["list"].read().decode("utf-8", errors="replace")
        why = request.POST.get("why", "").strip() or f"import of {request.FILES['list'].name}"[:200]
        try:
            new = len(versions.add("hashes", text, actor=request.user, why=why).added)
        except versions.NothingChanged:
            new = 0
        told = ngettext("%(n)s new hash.", "%(n)s new hashes.", new)
        messages.success(request, _("The list is imported.") + " " + told % {"n": new})

    def give_out(self, request: Any) -> StreamingHttpResponse:
        self._require(request)
        _record(request, "export_hashes")
        name = "attachment; filename=blocked-hashes.txt"
        return StreamingHttpResponse(
            lists.give_out(), content_type="text/plain; charset=utf-8", headers={"Content-Disposition": name}
        )

    def _require(self, request: Any) -> None:
        if not request.user.has_perm(RIGHT):
            raise PermissionDenied


def _record(request: Any, verb: str, detail: str = "") -> None:
    AuditEntry.objects.create(actor=request.user, verb=verb, subject_kind="blockedhash", detail=detail)
