"""The page /account/age/."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.errors import Invalid
from config.web.problems import flattened, told
from config.web.ratelimit import limited
from moderation.adult import forms, services
from moderation.adult.serializers import AgeForm
from moderation.adult.shown import show_age


@login_required
@require_http_methods(["GET", "POST"])
@told
def age(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        if request.POST.get("act") == "withdraw":
            services.withdraw(request.user)
            messages.success(request, _("Your proof of age is deleted."))
            return redirect("age")
        return _begin(request)
    return render(request, "moderation/age.html", {"age": show_age(request.user), "tab": "account"})


@limited("ages")
def _begin(request: HttpRequest) -> HttpResponse:
    typed = {"country": request.POST.get("country", ""), "agree": request.POST.get("agree") == "on"}
    form = AgeForm(data=typed | request.FILES.dict())
    if not form.is_valid():
        raise Invalid(errors=flattened(form.errors))
    _check, where = forms.begin(request.user, form.validated_data)
    messages.success(request, _("We look at it, and tell you."))
    return redirect(where or "age")
