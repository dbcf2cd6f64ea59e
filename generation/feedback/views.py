"""The button "not me" of contact sheets."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from config.web.problems import told
from config.web.ratelimit import limited
from gallery.models import Item
from generation.feedback import services


@login_required
@require_POST
@told
@limited("600/h", "feedback")
def not_me(request: HttpRequest, ident: str) -> HttpResponse:
    """Leads back to the picture's contact sheet, or to the picture."""
    item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
    services.say(item, not_me=request.POST.get("not_me") == "on")
    if item.job and request.POST.get("sheet"):
        return redirect("headshots_sheet", item.job)
    return redirect("item", item.id)
