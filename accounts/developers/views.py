"""The page of API keys. A new key is in the answer to the form that made it, and nowhere else."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.exceptions import ValidationError

from accounts.confirm import require_proof_in_form
from accounts.developers import services
from accounts.developers.models import ApiKey
from accounts.developers.scopes import Scope
from accounts.developers.serializers import ApiKeyForm
from config.errors import DomainError, Invalid, NotFound
from config.web.problems import flattened, sentence_of, told
from config.web.ratelimit import limited

# What a new key is tried with: the address for the first of these scopes that it has.
TRIED_AT = {Scope.READ: "me", Scope.BILLING_READ: "billing"}


@login_required
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, chosen=[Scope.READ])
    try:
        return _create(request)
    except (DomainError, ValidationError) as error:
        typed = {"name": request.POST.get("name", ""), "chosen": request.POST.getlist("scopes")}
        return _refused(request, error, **typed)


@limited("api_keys")
def _create(request: HttpRequest) -> HttpResponse:
    form = ApiKeyForm(data={"name": request.POST.get("name", ""), "scopes": request.POST.getlist("scopes")})
    form.is_valid(raise_exception=True)
    require_proof_in_form(request)
    return _made(request, *services.create_key(request.user, **form.validated_data))


@login_required
@require_POST
def rotate(request: HttpRequest, ident: str) -> HttpResponse:
    key = ApiKey.objects.owned_by(request.user).get_or_404(ident)
    try:
        return _rotate(request, key)
    except NotFound:
        raise
    except DomainError as error:
        return _refused(request, error)


@limited("api_keys")
def _rotate(request: HttpRequest, key: ApiKey) -> HttpResponse:
    require_proof_in_form(request)
    return _made(request, *services.rotate_key(key))


@login_required
@require_POST
@told
def end(request: HttpRequest, ident: str) -> HttpResponse:
    services.end_key(ApiKey.objects.owned_by(request.user).get_or_404(ident))
    messages.success(request, _("The key has ended."))
    return redirect("developers")


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    rows = ApiKey.objects.owned_by(request.user).live()
    facts = {"keys": rows, "scopes": Scope.choices, "chosen": [], "most": services.MOST, "tab": "account"}
    return render(request, "accounts/developers/keys.html", facts | more, status=status)


def _made(request: HttpRequest, row: ApiKey, key: str) -> HttpResponse:
    return _page(request, made=row, key=key, curl=curl_of(row, key), chosen=[Scope.READ])


def curl_of(row: ApiKey, key: str) -> str:
    """A command that tries the key; empty for one that may only make things."""
    where = next((place for scope, place in TRIED_AT.items() if scope in row.scopes), "")
    return f'curl -H "Authorization: Api-Key {key}" {settings.ORIGIN}/api/v1/{where}' if where else ""


def _refused(request: HttpRequest, error: Exception, **typed: Any) -> HttpResponse:
    if isinstance(error, ValidationError):
        error = Invalid(errors=flattened(error.detail))
    assert isinstance(error, DomainError)
    return _page(request, status=error.status, refused=sentence_of(error), **typed)
