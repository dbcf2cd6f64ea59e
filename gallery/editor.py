"""The page where a picture is cropped, turned and lit. static/editor.js shows the result beforehand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ValidationError

from config.errors import DomainError, Invalid
from config.web.problems import flattened, sentence_of
from config.web.ratelimit import limited
from gallery.edits import edit_item, require_picture
from gallery.models import Item
from gallery.serializers import EditForm
from ml.types import ASPECTS

FIELDS = ("flip", "rotate", "straighten", "aspect_ratio", "brightness", "contrast", "saturation")
CROP = ("x", "y", "width", "height")
SLIDERS = (
    ("straighten", gettext_lazy("Straighten"), -45, 45, 0.5),
    ("brightness", gettext_lazy("Brightness"), -100, 100, 1),
    ("contrast", gettext_lazy("Contrast"), -100, 100, 1),
    ("saturation", gettext_lazy("Colour"), -100, 100, 1),
)


@login_required
def editor(request: HttpRequest, ident: str) -> HttpResponse:
    """A refused edit is shown again with its values."""
    item, refused = Item.objects.owned_by(request.user).get_or_404(ident), ""
    require_picture(item)
    if request.method == "POST":
        try:
            return _edited(request, item)
        except DomainError as error:
            if error.status == 404:
                raise
            refused = sentence_of(error)
    return render(request, "gallery/editor.html", _facts(request, item) | {"refused": refused})


@limited("edits")
def _edited(request: HttpRequest, item: Item) -> HttpResponse:
    form = EditForm(data=_asked(request))
    try:
        form.is_valid(raise_exception=True)
    except ValidationError as error:
        raise Invalid(errors=flattened(error.detail)) from None
    made = edit_item(item, form.edit)
    messages.success(request, _("Saved as a new picture. The original is still there."))
    return redirect("item", made.id)


def _asked(request: HttpRequest) -> dict[str, Any]:
    sent: dict[str, Any] = {name: request.POST[name] for name in FIELDS if request.POST.get(name)}
    if any(request.POST.get(name) for name in CROP):
        sent["crop"] = {name: request.POST.get(name) for name in CROP}
    return sent


def _facts(request: HttpRequest, item: Item) -> dict[str, Any]:
    sliders = [
        {"name": name, "label": label, "min": low, "max": high, "step": step}
        | {"value": request.POST.get(name) or "0"}
        for name, label, low, high, step in SLIDERS
    ]
    return {
        "item": item,
        "sliders": sliders,
        "aspects": ASPECTS,
        "filled": {name: request.POST.get(name, "") for name in (*FIELDS, *CROP)},
        "tab": "gallery",
    }
