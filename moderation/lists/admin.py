"""Staff's pages of the lists: the lines, a reason for each change, the versions and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from config.errors import DomainError, Invalid
from config.web.admin import ReadOnlyAdmin
from config.web.problems import sentence_of
from config.web.text import FormText
from moderation.lists import services
from moderation.lists.lines import LISTS
from moderation.lists.models import ListVersion
from moderation.models import BlockedTerm

NAMES = ListVersion.Name
RIGHTS = {
    NAMES.WORDS: "moderation.change_blockedterm",
    NAMES.PEOPLE: "moderation.change_blockedterm",
    NAMES.HASHES: "moderation.change_hash_lists",
}
VERSIONS, LINES = 50, 40  # shown: versions, and lines of each
MOST = 900_000  # characters


@admin.register(BlockedTerm)
class BlockedTermAdmin(ReadOnlyAdmin):
    list_display = ("text", "kind", "reason", "created_at")
    list_filter = ("kind",)
    search_fields = ("text",)
    change_list_template = "admin/moderation/terms.html"

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.list_page))
        return [path("lists/<slug:name>/", page, name="blocked_list"), *super().get_urls()]

    def list_page(self, request: Any, name: str) -> HttpResponse:
        """GET shows the list and its versions; POST changes it."""
        if name not in NAMES.values:
            raise Http404
        if not request.user.has_perm(RIGHTS[NAMES(name)]):
            raise PermissionDenied
        typed = None
        if request.method == "POST":
            try:
                made = change(name, actor=request.user, said=request.POST)
                messages.success(request, _("Version %(n)s is saved.") % {"n": made.number})
                return redirect(reverse("admin:blocked_list", args=[name]))
            except DomainError as error:
                messages.error(request, sentence_of(error))
                typed = request.POST.get("lines")
        facts = self.admin_site.each_context(request) | _facts(name, typed)
        return render(request, "admin/moderation/list.html", facts)


def _facts(name: str, typed: str | None) -> dict[str, Any]:
    edited = name != NAMES.HASHES  # a list of a million hashes is imported, not typed
    lines = LISTS[name].now() if edited else []
    return {
        "title": str(NAMES(name).label).capitalize(),
        "name": name,
        "names": [each for each in NAMES if each != NAMES.HASHES],
        "edited": edited,
        "lines": "\n".join(lines) if typed is None else typed,
        "versions": ListVersion.objects.filter(name=name).select_related("by")[:VERSIONS],
        "most": LINES,
    }


def change(name: str, *, actor: Any, said: Any) -> ListVersion:
    """What one of the page's forms asks for. Raises DomainError."""
    why = _typed(said, "why", services.WHY[1])
    if "to" in said:
        number = said["to"]
        if not (number.isdecimal() and len(number) < 9):
            raise Invalid
        return services.roll_back(name, int(number), actor=actor, why=why)
    if name == NAMES.HASHES:
        raise Invalid
    return services.replace(name, _typed(said, "lines", MOST), actor=actor, why=why)


def _typed(said: Any, name: str, most: int) -> str:
    try:
        return str(FormText(required=False, max_length=most).clean(said.get(name, "")))
    except ValidationError as error:
        raise Invalid(errors={name: list(error.messages)}) from None
