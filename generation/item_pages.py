"""Pages and buttons that begin from a picture of the gallery: repair, enlarge, more like this."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from rest_framework.exceptions import ValidationError

from config.errors import DomainError, Invalid
from config.web.problems import flattened, sentence_of, told
from config.web.ratelimit import limited
from gallery.models import Item
from generation import engines, references, repairs
from generation.models import Job
from generation.picking import qualities
from generation.serializers import EnlargeForm, RepairForm
from ml.types import STRENGTH

REGION_NAMES = {
    "eyes": _("Eyes"),
    "mouth": _("Mouth"),
    "face": _("Face"),
    "clothes": _("Clothes"),
    "background": _("Background"),
}
FIELDS = ("prompt", "mask", "region", "strength", "quality")


@login_required
def repair(request: HttpRequest, item: str) -> HttpResponse:
    """A refused repair is shown again with its values."""
    found, refused, lacks = Item.objects.owned_by(request.user).get_or_404(item), "", False
    references.require_allowed(found)
    if request.method == "POST":
        try:
            return _repaired(request, found)
        except DomainError as error:
            if error.status == 404:
                raise
            refused, lacks = sentence_of(error), error.code in ("not_enough_credits", "payment_due")
    facts = _facts(request, found) | {"refused": refused, "lacks_credits": lacks}
    return render(request, "generation/repair.html", facts)


@limited("generations")
def _repaired(request: HttpRequest, item: Item) -> HttpResponse:
    form = RepairForm(data={name: request.POST[name] for name in FIELDS if request.POST.get(name)})
    repairs.request_repair(item, **_checked(form), key=_key(request))
    return redirect("studio")  # where it appears


def _checked(form: Any) -> dict[str, Any]:
    try:
        form.is_valid(raise_exception=True)
    except ValidationError as error:
        raise Invalid(errors=flattened(error.detail)) from None
    return dict(form.validated_data)


def _key(request: HttpRequest) -> str | None:
    return request.POST.get("key", "")[:255] or None


def _facts(request: HttpRequest, item: Item) -> dict[str, Any]:
    filled = {"prompt": item.prompt, "region": "", "strength": repairs.REPAIRED, "quality": "standard"}
    return {
        "item": item,
        "filled": filled | {name: request.POST[name] for name in filled if request.POST.get(name)},
        "regions": REGION_NAMES,
        "strengths": STRENGTH,
        "qualities": qualities(_engine(item)),
        "key": secrets.token_urlsafe(12),
        "tab": "gallery",
    }


def _engine(item: Item) -> str:
    """Whose prices the page shows; the one that would make it."""
    try:
        twin, training = repairs.who(item)
        return engines.chosen(
            Job(user=item.user, kind="repair", twin=twin, training=training, reference=item.id)
        ).name
    except DomainError:
        return item.engine


@login_required
@require_POST
@told
@limited("generations")
def enlarge(request: HttpRequest, item: str) -> HttpResponse:
    found = Item.objects.owned_by(request.user).get_or_404(item)
    form = _checked(EnlargeForm(data={"times": request.POST.get("times", "2")}))
    repairs.request_enlarged(found, **form, key=_key(request))
    return redirect("studio")


@login_required
@require_POST
@told
@limited("generations")
def similar(request: HttpRequest, item: str) -> HttpResponse:
    found = Item.objects.owned_by(request.user).get_or_404(item)
    repairs.request_similar(found, key=_key(request))
    return redirect("studio")
