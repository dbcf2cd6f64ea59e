"""Staff's page of publications. A picture is shown for a written reason, and blurred at first."""

from __future__ import annotations

import base64
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from config.errors import DomainError
from config.web.admin import ReadOnlyAdmin
from config.web.text import FormText
from gallery.sharing import publishing
from gallery.sharing.models import Publication

LOOK, APPROVE = "gallery.look_publication", "gallery.approve_publication"
RIGHTS = {"look": LOOK, "approve": APPROVE, "refuse": APPROVE}


class ReasonForm(forms.Form):
    reason = FormText(
        label=_("Reason"), max_length=publishing.REASON[1], required=False, widget=forms.Textarea({"rows": 2})
    )


@admin.register(Publication)
class PublicationAdmin(ReadOnlyAdmin):
    change_form_template = "admin/gallery/publication.html"
    list_display = ("id", "user", "author", "status", "likes", "submitted_at", "published_at")
    list_filter = ("status",)
    list_select_related = ("user", "author")
    exclude = ("blur", "item")
    actions = ("approve",)

    def has_approve_permission(self, request: Any) -> bool:
        return bool(request.user.has_perm(APPROVE))

    @admin.action(description=_("Approve for the public gallery"), permissions=["approve"])
    def approve(self, request: Any, rows: Any) -> None:
        def act(row: Publication) -> str:
            publishing.approve(row, actor=request.user)
            return str(_("%(row)s is public now.") % {"row": row})

        self.do_each(request, rows, act)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.look))
        return [path("<uuid:ident>/look/", page, name="look_publication"), *super().get_urls()]

    def look(self, request: Any, ident: str) -> HttpResponse:
        """Asks for a reason; shows the picture for one, approves, and refuses for one."""
        row = Publication.objects.select_related("user", "author", "item").get_or_404(ident)
        if not any(map(request.user.has_perm, RIGHTS.values())):
            raise PermissionDenied
        picture = b""
        if request.method == "POST":
            try:
                picture = self._act(request, row)
            except DomainError as error:
                messages.error(request, error.detail)
            if not picture:
                return redirect("admin:look_publication", row.id)
        facts = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("Submitted picture"),
            "row": row,
            "form": ReasonForm(),
            "may": {act: request.user.has_perm(right) for act, right in RIGHTS.items()},
            "waits": row.status == Publication.Status.SUBMITTED,
            "picture": picture and f"data:image/webp;base64,{base64.b64encode(picture).decode()}",
        }
        return render(request, "admin/gallery/look.html", facts)

    def _act(self, request: Any, row: Publication) -> bytes:
        form, act = ReasonForm(request.POST), request.POST.get("act", "")
        if not request.user.has_perm(RIGHTS.get(act, "gallery.none")):
            raise PermissionDenied
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        if act == "look":
            return publishing.look(row, actor=request.user, reason=reason)
        if act == "approve":
            publishing.approve(row, actor=request.user)
        else:
            publishing.refuse(row, actor=request.user, reason=reason)
        messages.success(request, _("Approved.") if act == "approve" else _("Refused."))
        return b""
