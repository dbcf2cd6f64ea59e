"""The button "not me", and the form of a rating."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config.errors import Invalid
from config.web.problems import flattened, told
from config.web.ratelimit import limited
from gallery.models import Item
from generation.feedback import services
from generation.feedback.serializers import FeedbackForm

STARS = ("likeness", "prompt", "quality")


@login_required
@require_POST
@told
@limited("feedback")
def not_me(request: HttpRequest, ident: str) -> HttpResponse:
    """Leads back to the picture's contact sheet, or to the picture."""
    item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
    services.say(item, not_me=request.POST.get("not_me") == "on")
    if item.job and request.POST.get("sheet"):
        return redirect("headshots_sheet", item.job)
    return redirect("item", item.id)


@login_required
@require_POST
@told
@limited("feedback")
def rate(request: HttpRequest, ident: str) -> HttpResponse:
    """The whole form is sent: what is not chosen is taken back."""
    item = Item.objects.owned_by(request.user).select_related("twin").get_or_404(ident)
    sent: dict[str, object] = {name: request.POST.get(name) or None for name in STARS if name in request.POST}
    sent |= {"reasons": request.POST.getlist("reasons"), "words": request.POST.get("words", "")}
    form = FeedbackForm(data=sent)
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    services.say(item, **form.validated_data)
    messages.success(request, _("Thank you. Your rating is saved."))
    return redirect("item", item.id)
