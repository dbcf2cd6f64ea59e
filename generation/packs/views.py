"""Pages of headshots: the packs, an order, and its contact sheet."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.emails import is_confirmed
from accounts.services import request_export
from billing import ledger, prices
from billing.engines import offers
from config.errors import NotFound
from config.studio import get_base
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.models import Item
from gallery.services import change_item
from generation import albums
from generation.models import Job
from generation.packs import services, sheet
from generation.packs.models import Pack, Preset
from generation.packs.serializers import HeadshotsForm, show_job_page, show_pack
from generation.packs.services import HEADSHOTS
from generation.picking import qualities
from generation.sessions import services as sessions
from generation.sessions.models import Session
from generation.sessions.serializers import SessionForm
from ml.catalogue import Base
from twins.models import Twin
from twins.redo import services as redo
from twins.redo.models import Mark

COUNTS = (8, 12, 16, 20, 24, 32, 40)
BEST = (3, 5, 8, 12, 20)
SHOWN = 12  # orders


@login_required
@require_GET
@told
def listing(request: HttpRequest) -> HttpResponse:
    """The packs that the engine of the chosen twin can make, and the newest orders."""
    twins = usable_twins(request.user)
    twin = _chosen(twins, request.GET.get("twin", ""))
    base = _base(request.user, twin)
    rows = Job.objects.owned_by(request.user).shown().filter(kind=HEADSHOTS).select_related("pack", "twin")
    facts = {
        "twins": twins,
        "twin": twin,
        "packs": [show_pack(pack, base) for pack in services.offered(base)],
        "orders": rows[:SHOWN],
        "tab": "studio",
    }
    return render(request, "generation/packs.html", facts)


def usable_twins(user: Any) -> list[Twin]:
    """The twins of which headshots can be made."""
    rows = Twin.objects.owned_by(user).filter(active_training__isnull=False, disabled_at=None)
    found = rows.select_related("active_training").with_face().with_older()
    return [twin for twin in found if not twin.is_read_only and twin.active_training.sha256]


def _chosen(twins: list[Twin], ident: str) -> Twin | None:
    return next((twin for twin in twins if str(twin.id) == ident), twins[0] if twins else None)


def _base(user: Any, twin: Twin | None) -> Base:
    version = twin.active_training if twin else None
    return get_base(version.base if version else offers.default(user))


@login_required
@told
def order(request: HttpRequest, code: str) -> HttpResponse:
    """The form of an order, and the order."""
    if request.method == "POST":
        return _order(request, code)
    try:
        pack = services.pack_of(code)
    except services.PackGone:
        raise NotFound from None
    return render(request, "generation/pack.html", _offer(request, pack))


@limited("generations")
def _order(request: HttpRequest, code: str) -> HttpResponse:
    names = ("twin", "count", "quality")
    asked = {name: request.POST[name] for name in names if request.POST.get(name)}
    form = HeadshotsForm(
        data=asked | {"kind": HEADSHOTS, "pack": code, "presets": request.POST.getlist("preset")}
    )
    form.is_valid(raise_exception=True)
    fields = {name: value for name, value in form.validated_data.items() if name != "kind"}
    twin = Twin.objects.owned_by(request.user).get_or_404(fields.pop("twin"))
    session = _session_name(request)
    key = request.POST.get("key", "")[:255] or None  # the page's key makes a double click one order
    post = request.POST
    with albums.chosen(request.user, post.get("album", ""), post.get("album_name", "")) as album:
        job = services.order(request.user, twin=twin, album=album, key=key, **fields)
    if session:
        sessions.named(request.user, session).jobs.add(job)
    return _back(job)


def _session_name(request: HttpRequest) -> str:
    """The typed name of a session, "" without one. Raises ValidationError."""
    if not request.POST.get("session", "").strip():
        return ""
    form = SessionForm(data={"name": request.POST["session"]})
    form.is_valid(raise_exception=True)
    return str(form.validated_data["name"])


def _offer(request: HttpRequest, pack: Pack) -> dict[str, Any]:
    twins = usable_twins(request.user)
    twin = _chosen(twins, request.GET.get("twin", ""))
    base = _base(request.user, twin)
    choices = services.choices_for(pack, base)
    return {
        "pack": show_pack(pack, base),
        "kinds": [(kind, [p for p in choices if p.kind == kind]) for kind in Preset.Kind],
        "twins": twins,
        "twin": twin,
        "counts": COUNTS,
        "usual": services.USUAL,
        "qualities": qualities(base.name),
        "prices": json.dumps({q: float(n) for q, n in prices.per_picture(base.name).items()}),
        "price": prices.pictures(base, "standard", services.USUAL),
        "available": ledger.balance(ledger.wallet_of(request.user)).available,
        "confirmed": is_confirmed(request.user),
        "sessions": Session.objects.owned_by(request.user)[:SHOWN],
        "albums": albums.listed(request.user),
        "key": secrets.token_urlsafe(12),
        "tab": "studio",
    }


# ---------------------------------------------------------------- the contact sheet


def _job(request: HttpRequest, ident: str) -> Job:
    rows = Job.objects.owned_by(request.user).filter(kind=HEADSHOTS)
    job: Job = rows.select_related("pack", "twin").get_or_404(ident)
    return job


@login_required
@require_GET
def contact_sheet(request: HttpRequest, ident: str) -> HttpResponse:
    return render(request, "generation/sheet.html", _sheet(request, _job(request, ident)))


@login_required
@require_GET
def sheet_state(request: HttpRequest, ident: str) -> HttpResponse:
    return render(request, "generation/_sheet.html", _sheet(request, _job(request, ident)))


def _sheet(request: HttpRequest, job: Job) -> dict[str, Any]:
    shots = sheet.sheet(job)
    made = request.GET.get("order") == "made" or job.is_open
    marked = set(
        Mark.objects.owned_by(request.user)
        .filter(item__in=[s.item.id for s in shots])
        .values_list("item", flat=True)
    )
    return {
        "job": show_job_page(job),
        "pack": job.pack,
        "twin": job.twin,
        "shots": sorted(shots, key=lambda shot: shot.output.index) if made else shots,
        "made": made,
        "marked": marked,
        "others": sheet.others(shots),
        "favourites": len(shots) - sheet.others(shots),
        "best": [n for n in BEST if n < len(shots)],
        "waiting": range(job.count - job.outputs.count() if job.is_open else 0),
        "twins": usable_twins(request.user),
        "redo": redo.offer(job.twin) if job.twin and marked else None,
        "sessions": Session.objects.owned_by(request.user)[:SHOWN],
        "groups": job.sessions.all(),
        "key": secrets.token_urlsafe(12),
        "tab": "studio",
    }


@login_required
@require_POST
@told
def act(request: HttpRequest, ident: str) -> HttpResponse:
    """What a contact sheet's buttons do."""
    job = _job(request, ident)
    name = next((name for name in ACTS if name in request.POST), None)
    if name is None:
        raise NotFound
    return ACTS[name](request, job)


def _back(job: Job) -> HttpResponse:
    return redirect("headshots_sheet", job.id)


def _favourite(request: HttpRequest, job: Job) -> HttpResponse:
    item = Item.objects.owned_by(request.user).filter(job=job.id).get_or_404(request.POST["favourite"])
    change_item(item, favourite=not item.favourite)
    return _back(job)


def _keep(request: HttpRequest, job: Job) -> HttpResponse:
    text = request.POST["keep"]
    kept = sheet.keep_best(job, int(text) if text.isdecimal() and len(text) < 3 else services.LEAST)
    n = {"n": len(kept)}
    words = ngettext("%(n)s picture is a favourite now.", "%(n)s pictures are favourites now.", n["n"])
    messages.success(request, words % n)
    return _back(job)


def _remove(request: HttpRequest, job: Job) -> HttpResponse:
    n = sheet.remove_others(job)
    messages.success(
        request, ngettext("%(n)s picture was deleted.", "%(n)s pictures were deleted.", n) % {"n": n}
    )
    return _back(job)


@limited("exports")
def _download(request: HttpRequest, job: Job) -> HttpResponse:
    chosen = sheet.ids(sheet.sheet(job), favourites=request.POST["download"] == "favourites")
    return redirect("archive", request_export(request.user, chosen={"ids": chosen}).id)


@limited("generations")
def _again(request: HttpRequest, job: Job) -> HttpResponse:
    wanted = request.POST.get("twin", "")
    other = {"twin": Twin.objects.owned_by(request.user).get_or_404(wanted)} if wanted else {}
    return _back(services.again(job, key=request.POST.get("key", "")[:255] or None, **other))


def _group(request: HttpRequest, job: Job) -> HttpResponse:
    if name := _session_name(request):
        sessions.named(request.user, name).jobs.add(job)
        messages.success(request, _("It is in the session “%(name)s” now.") % {"name": name})
    return _back(job)


def _cancel(request: HttpRequest, job: Job) -> HttpResponse:
    job.cancel()
    return _back(job)


ACTS: dict[str, Callable[[HttpRequest, Job], HttpResponse]] = {
    "favourite": _favourite,
    "keep": _keep,
    "remove": _remove,
    "download": _download,
    "again": _again,
    "group": _group,
    "cancel": _cancel,
}
