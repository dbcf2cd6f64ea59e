"""Staff's page of proofs of age: what the switch means, and the documents behind a reason."""

from __future__ import annotations

import base64
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from config.errors import DomainError
from config.web.admin import ReadOnlyAdmin
from config.web.text import FormText
from moderation.adult import services
from moderation.adult.models import AgeCheck

RIGHT = "moderation.decide_age"


@admin.register(AgeCheck)
class AgeCheckAdmin(ReadOnlyAdmin):
    change_list_template = "admin/moderation/ages.html"
    list_display = ("asked_at", "user", "country", "verifier", "state", "decided_at", "by", "document_link")
    list_display_links = None
    list_filter = ("state",)
    list_select_related = ("user", "by")

    @admin.display(description=gettext_lazy("document"))
    def document_link(self, row: AgeCheck) -> str:
        if row.document_deleted_at:
            return _("deleted")
        return format_html('<a href="{}">{}</a>', reverse("admin:age_document", args=[row.pk]), _("Look"))

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        switch = {"on": services.is_on(), "countries": settings.ADULT_COUNTRIES}
        return super().changelist_view(request, {"switch": switch} | (extra_context or {}))

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.document_page))
        return [path("<uuid:ident>/document/", page, name="age_document"), *super().get_urls()]

    def document_page(self, request: Any, ident: Any) -> HttpResponse:
        """Asks for a reason; shows the document for one, and takes a decision with one."""
        if not request.user.has_perm(RIGHT):
            raise PermissionDenied
        check = AgeCheck.objects.select_related("user").all().get_or_404(ident)
        shown = b""
        if request.method == "POST":
            try:
                shown = _act(request, check)
            except DomainError as error:
                messages.error(request, error.detail)
            if not shown:
                return redirect(reverse("admin:age_document", args=[check.pk]))
        facts = {"title": _("Proof of age"), "check": check, "document": _address(shown)}
        return render(request, "admin/moderation/age.html", self.admin_site.each_context(request) | facts)


def _act(request: Any, check: AgeCheck) -> bytes:
    """The document, where it is to be looked at. Raises DomainError."""
    try:
        reason = str(FormText(required=False).clean(request.POST.get("reason", "")))
    except ValidationError:
        reason = ""
    act = request.POST.get("act", "")
    if act == "look":
        return services.look(check, actor=request.user, reason=reason)
    services.decide(check, actor=request.user, adult=act == "adult", reason=reason)
    messages.success(request, _("Decided. The document is deleted."))
    return b""


def _address(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" if picture else ""
