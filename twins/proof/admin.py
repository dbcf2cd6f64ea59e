"""Staff's pages of proofs, selfies and consent links. The evidence is behind a reason (reviews.py)."""

from __future__ import annotations

import base64
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from config.errors import DomainError
from config.web.admin import ReadOnlyAdmin
from config.web.text import FormText
from twins.proof import reviews
from twins.proof.models import Invitation, Proof, Selfie
from twins.proof.sentences import STEPS

ACTIONS = {"look": "twins.view_evidence", "pass": "twins.review_selfie", "refuse": "twins.review_selfie"}


@admin.register(Proof)
class ProofAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "twin", "selfie", "invitation", "created_at", "ended_at")
    list_select_related = ("user", "twin", "selfie", "invitation")
    search_fields = ("=user__email",)
    exclude = ("embedding", "photos")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "user", "twin", "created_at", "expires_at"),
        *("agreed_at", "used_at", "revoked_at", "withdrawn_at"),
    )
    list_select_related = ("user", "twin")
    exclude = ("token_hash", "withdrawal_hashes", "session")


class ReasonForm(forms.Form):
    reason = FormText(
        label=_("Reason"), max_length=reviews.LONGEST, required=False, widget=forms.Textarea({"rows": 2})
    )


@admin.register(Selfie)
class SelfieAdmin(ReadOnlyAdmin):
    change_form_template = "admin/twins/selfie.html"
    list_display = (
        *("id", "user", "twin", "status", "accepted", "code", "review"),
        *("decided_at", "frames_deleted_at", "created_at"),
    )
    list_filter = ("review", "accepted", "code", "status")
    list_select_related = ("user", "twin")
    exclude = ("embedding", "prints", "frame_hashes", "sizes", "measures", "challenge")

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.evidence))
        return [path("<uuid:ident>/evidence/", page, name="selfie_evidence"), *super().get_urls()]

    def evidence(self, request: Any, ident: str) -> HttpResponse:
        """Asks for a reason; shows the frames for one, and takes a decision with one."""
        selfie = Selfie.objects.select_related("user", "twin", "challenge").get_or_404(ident)
        if not any(map(request.user.has_perm, ACTIONS.values())):
            raise PermissionDenied
        found = None
        if request.method == "POST":
            try:
                found = self._act(request, selfie)
            except DomainError as error:
                messages.error(request, error.detail)
            if found is None:
                return redirect(reverse("admin:selfie_evidence", args=[selfie.id]))
        return render(request, "admin/twins/evidence.html", self._facts(request, selfie, found))

    def _act(self, request: Any, selfie: Selfie) -> reviews.Evidence | None:
        form, act = ReasonForm(request.POST), request.POST.get("act", "")
        if not request.user.has_perm(ACTIONS.get(act, "twins.none")):
            raise PermissionDenied
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        if act == "look":
            return reviews.look(selfie, actor=request.user, reason=reason)
        reviews.decide(selfie, actor=request.user, passed=act == "pass", reason=reason)
        messages.success(request, _("Passed.") if act == "pass" else _("Refused."))
        return None

    def _facts(self, request: Any, selfie: Selfie, found: reviews.Evidence | None) -> dict[str, Any]:
        may = {act: request.user.has_perm(right) for act, right in ACTIONS.items()}
        return self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("Evidence"),
            "selfie": selfie,
            "form": ReasonForm(),
            "may": may,
            "evidence": found and _shown(found),
            "measures": selfie.measures if found else None,
        }


def _shown(found: reviews.Evidence) -> dict[str, Any]:
    """As addresses of pictures that are part of the page: nothing links to them."""
    movements = [(STEPS.get(step, step), [_address(f) for f in frames]) for step, frames in found.movements]
    return {"movements": movements, "face": _address(found.face) if found.face else ""}


def _address(picture: bytes) -> str:
    kind = "webp" if picture.startswith(b"RIFF") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
