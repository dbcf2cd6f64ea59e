"""Pages of restorations: the form with the history, and one restoration with both pictures."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from accounts.emails import is_confirmed
from accounts.services import request_export
from billing import ledger, prices
from config.errors import MissingFile
from config.runs.places import Places
from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from generation import albums
from generation.restorations import services
from generation.restorations.models import Restoration
from generation.restorations.serializers import (
    SCALES,
    ChangeForm,
    RestorationForm,
    identity_in_words,
    show_restoration,
)
from twins.models import Twin

COMMAS = re.compile("[,，、]")


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    facts = history(request) | {
        "twins": Twin.objects.owned_by(request.user).filter(active_training__isnull=False, disabled_at=None),
        "scales": SCALES,
        "albums": albums.listed(request.user),
        "price": prices.restoration(),
        "available": ledger.balance(ledger.wallet_of(request.user)).available,
        "confirmed": is_confirmed(request.user),
        "tab": "studio",
    }
    return render(request, "generation/restorations.html", facts)


@login_required
@require_GET
@told
def state(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/_restorations.html", history(request))


def history(request: HttpRequest) -> dict[str, Any]:
    places = Places()
    rows = Restoration.objects.owned_by(request.user).for_clients()
    found = page(request, rows, lambda row: show_restoration(row, places))
    query = {name: (found[name] or "").partition("?")[2] for name in ("next", "previous")}
    return {"rows": found["results"], "key": secrets.token_urlsafe(12)} | query


@login_required
@require_POST
@told
@limited("restorations")
def send(request: HttpRequest) -> HttpResponse:
    form = RestorationForm(data=_sent(request))
    form.is_valid(raise_exception=True)
    fields = dict(form.validated_data)
    file, twin = request.FILES.get("image"), fields.pop("twin", None)
    if file is None:
        raise MissingFile(_("Choose a picture first."))
    whose = Twin.objects.owned_by(request.user).get_or_404(twin) if twin else None
    key, post = request.POST.get("key", "")[:255] or None, request.POST
    with albums.chosen(request.user, post.get("album", ""), post.get("album_name", "")) as album:
        services.request_restoration(
            request.user, data=file.read(), twin=whose, album=album, key=key, **fields
        )
    return redirect("restorations")


def _sent(request: HttpRequest) -> dict[str, Any]:
    """The form's fields. The fidelity counts when it is not left to us."""
    names = ("scale", "twin", *(() if request.POST.get("by_person") else ("fidelity",)))
    given = {name: request.POST[name] for name in names if request.POST.get(name)}
    return given | {"background": bool(request.POST.get("background"))}


@login_required
@require_GET
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    """Also found by the id of its job, which the list of credit movements names."""
    row = _own(request, ident)
    facts = {
        "row": show_restoration(row),
        "of": row,
        "identity": identity_in_words(row),
        "milder": row.milder_ones.first(),
        "tags": pgettext("between tags", ", ").join(row.tags),
        "tab": "studio",
    }
    return render(request, "generation/restoration.html", facts)


def _own(request: HttpRequest, ident: str) -> Restoration:
    own = Restoration.objects.owned_by(request.user)
    found: Restoration = own.for_clients().get_or_404(
        own.named(ident).values_list("id", flat=True).first() or ident
    )
    return found


@login_required
@require_POST
@told
def change(request: HttpRequest, ident: str) -> HttpResponse:
    row, sent = _own(request, ident), request.POST
    tags = [tag for tag in COMMAS.split(sent.get("tags", "")) if tag.strip()]
    data = {"tags": tags, "notes": sent.get("notes", "")[:2000], "rating": sent.get("rating") or None}
    form = ChangeForm(data=data)
    form.is_valid(raise_exception=True)
    services.change(row, **form.validated_data)
    messages.success(request, _("Saved."))
    return redirect("restoration", row.id)


@login_required
@require_POST
@told
@limited("milder")
def milder(request: HttpRequest, ident: str) -> HttpResponse:
    return redirect("restoration", services.request_milder(_own(request, ident)).id)


@login_required
@require_POST
@told
def cancel(request: HttpRequest, ident: str) -> HttpResponse:
    _own(request, ident).job.cancel()
    return redirect("restorations")


@login_required
@require_POST
@told
def delete(request: HttpRequest, ident: str) -> HttpResponse:
    n = services.remove(request.user, ids=[_own(request, ident).id])
    messages.success(request, services.told_deleted(n))
    return redirect("restorations")


@login_required
@require_POST
@told
@limited("exports")
def many(request: HttpRequest) -> HttpResponse:
    """Deletes all restorations, or packs all results."""
    if request.POST.get("act") == "delete":
        n = services.remove(request.user, ids=None)
        messages.success(request, services.told_deleted(n))
        return redirect("restorations")
    export = request_export(request.user, chosen={"filter": {"kind": "restored"}})
    return redirect("archive", export.id)
