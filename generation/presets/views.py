"""The studio's buttons that save and delete presets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config.errors import Invalid
from config.web.problems import flattened, told
from config.web.ratelimit import limited
from generation.presets import services
from generation.presets.models import StudioPreset
from generation.presets.serializers import PresetForm, SettingsForm

KEPT = ("prompt", "twin", "seed")  # what the studio's form holds besides a preset


@login_required
@require_POST
@told
@limited("presets")
def save(request: HttpRequest) -> HttpResponse:
    """Saves the settings of the studio's form, which is shown again as it was filled in."""
    settings = {name: request.POST[name] for name in SettingsForm().fields if request.POST.get(name)}
    form: Any = PresetForm(data={"name": request.POST.get("preset_name", ""), "settings": settings})
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    made = services.save(request.user, **form.validated_data)
    messages.success(request, _("Saved as “%(name)s”.") % {"name": made.name})
    return redirect(_studio(request, settings))


@login_required
@require_POST
@told
def delete(request: HttpRequest, ident: str) -> HttpResponse:
    StudioPreset.objects.owned_by(request.user).get_or_404(ident).delete()
    return redirect(_studio(request, {}))


def _studio(request: HttpRequest, settings: dict[str, Any]) -> str:
    kept = {name: request.POST.get(name, "") for name in KEPT if request.POST.get(name)}
    return f"{reverse('studio')}?{urlencode(kept | settings)}"
