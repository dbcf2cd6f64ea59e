"""Pages of the studio: the form for pictures, and the jobs with their results."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from billing import ledger, prices
from config.errors import DomainError
from config.runs.places import Places
from config.web.labels import QUALITY_NAMES, STYLE_NAMES
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.models import Item
from generation import services
from generation.models import Job
from generation.serializers import JobForm, show_job
from ml.types import ASPECTS, QUALITIES, STYLES
from twins.models import Twin

SHOWN = 12  # jobs listed in the studio
KEPT = ("twin", "prompt", "negative_prompt", "style", "aspect_ratio", "quality", "count", "seed")


@login_required
def studio(request: HttpRequest) -> HttpResponse:
    """The studio page. A refused form is shown again with its values."""
    filled = {name: request.GET.get(name, "") for name in KEPT}
    refused, code = "", ""
    if request.method == "POST":
        filled = {name: request.POST.get(name, "") for name in KEPT}
        form = JobForm(data={k: v for k, v in filled.items() if v != ""})
        if form.is_valid():
            try:
                _ask(request, dict(form.validated_data))
                return redirect(f"{request.path}?{_query(filled)}")
            except DomainError as error:
                refused, code = error.detail, error.code
        else:
            refused = " ".join(str(text) for errors in form.errors.values() for text in errors)
    return render(
        request,
        "generation/studio.html",
        _facts(request)
        | _choices(request, filled)
        | {"refused": refused, "lacks_credits": code in ("not_enough_credits", "payment_due")},
    )


@limited("120/h", "generations")
def _ask(request: HttpRequest, fields: dict[str, Any]) -> None:
    fields.pop("kind", None)
    twin = fields.pop("twin", None)
    key = request.POST.get("key", "")[:255] or None  # the page's key makes a double click one job
    services.request_images(
        request.user,
        twin=Twin.objects.owned_by(request.user).get_or_404(twin) if twin else None,
        **fields,
        key=key,
    )


def _query(filled: dict[str, str]) -> str:
    return urlencode({k: v for k, v in filled.items() if (v or k == "twin") and k != "seed"})


def _choices(request: HttpRequest, filled: dict[str, str]) -> dict[str, Any]:
    usable = Twin.objects.owned_by(request.user).filter(active_training__isnull=False, disabled_at=None)
    twins = [twin for twin in usable.with_face().with_older() if not twin.is_read_only]
    if twins and filled["twin"] == "" and request.method == "GET" and "prompt" not in request.GET:
        filled["twin"] = str(twins[0].id)
    defaults = {"style": STYLES[0], "aspect_ratio": "1:1", "quality": "standard", "count": "2"}
    return {
        "filled": {k: v or defaults.get(k, "") for k, v in filled.items()},
        "twins": twins,
        "styles": STYLE_NAMES,
        "aspects": [(a, a.replace(":", "x")) for a in ASPECTS],
        "qualities": QUALITY_NAMES,
        "counts": range(1, 9),
        "prices": {q: n for q, n in prices.listed().items() if q in QUALITIES},
        "tab": "studio",
    }


def _shown(request: HttpRequest, rows: Any) -> list[dict[str, Any]]:
    places = Places()
    jobs = [show_job(job, places) for job in rows]
    mine = Item.objects.owned_by(request.user).filter(job__in=[j["id"] for j in jobs])
    here = {item["id"]: item for item in mine.values("id", "width", "height")}
    for job in jobs:  # leave out deleted pictures
        job["items"] = [here[ident] for ident in job["items"] if ident in here]
        waiting = job["recipe"]["count"] - len(job["items"]) if job["status"] in ("queued", "running") else 0
        job["waiting"] = range(max(0, waiting))
    return jobs


def _facts(request: HttpRequest) -> dict[str, Any]:
    rows = Job.objects.owned_by(request.user).shown().prefetch_related("outputs")[:SHOWN]
    return {
        "jobs": _shown(request, rows),
        "key": secrets.token_urlsafe(12),
        "available": ledger.balance(ledger.wallet_of(request.user)).available,
    }


@login_required
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/_jobs.html", _facts(request))


@login_required
@require_GET
def job(request: HttpRequest, ident: str) -> HttpResponse:
    """The page of one job. The list of credit movements links to it."""
    rows = [Job.objects.owned_by(request.user).get_or_404(ident)]
    facts = {"jobs": _shown(request, rows), "key": secrets.token_urlsafe(12), "tab": "studio"}
    return render(request, "generation/job.html", facts)


@login_required
@require_POST
@told
@limited("120/h", "generations")
def again(request: HttpRequest, ident: str) -> HttpResponse:
    """Repeats a job, with a new seed unless `same_seed` is sent."""
    job = Job.objects.owned_by(request.user).get_or_404(ident)
    services.repeat(
        job, same_seed=bool(request.POST.get("same_seed")), key=request.POST.get("key", "")[:255] or None
    )
    return redirect("studio")


@login_required
@require_POST
@told
def cancel(request: HttpRequest, ident: str) -> HttpResponse:
    Job.objects.owned_by(request.user).get_or_404(ident).cancel()
    return redirect("studio")
