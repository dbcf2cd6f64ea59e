"""Pages of the studio: the form for pictures, and the jobs with their results."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from accounts.emails import is_confirmed
from billing import ledger
from billing.engines import choice
from billing.payments import gateway
from config.errors import DomainError, NotFound
from config.runs.states import OPEN
from config.web.labels import STYLE_NAMES
from config.web.problems import sentence_of, told
from config.web.ratelimit import limited
from gallery.models import Item
from generation import adult, albums, demonstration, services
from generation.again import again_of
from generation.clips.services import VIDEO
from generation.models import Job
from generation.packs.services import HEADSHOTS
from generation.picking import picking, qualities
from generation.presets.models import StudioPreset
from generation.references import nearest_aspect
from generation.serializers import JobForm, asked, reading
from generation.shown import shown
from ml.types import ASPECTS, STYLES
from twins.models import Training, Twin

SHOWN = 12  # jobs listed in the studio
TAIL = 30  # characters shown of what the base reads last
UNREAD = _(
    "This base reads the prompt only up to “%(end)s”. It leaves out the rest. "
    "Shorten the prompt, or create it as it is."
)
UNREAD_NEGATIVE = _("It reads what should not be there only up to “%(end)s”.")
NO_NEGATIVE = _("This base does not read what should not be there.")
COUNTS = range(1, 9)  # of pictures at once
KEPT = ("twin", "prompt", "negative_prompt", "style", "aspect_ratio", "quality", "count", "seed", "engine")
KEPT += ("steps", "reference", "strength", "era", "album", "album_name", "adult")
OF_PAGE = ("album", "album_name")  # which the page resolves itself
# Offered where nothing was made yet, the first one in the prompt already: a prompt and its style.
EXAMPLES = (
    (_("smiling, in a park, wearing a red hoodie"), "photorealistic"),
    (_("in the city at night, wearing a leather jacket"), "cinematic"),
    (_("on a beach, laughing, wearing a yellow t-shirt"), "anime"),
)


@login_required
def studio(request: HttpRequest) -> HttpResponse:
    """The studio page. A refused form is shown again with its values."""
    filled = {name: request.GET.get(name, "") for name in KEPT}
    said: dict[str, Any] = {}
    if request.method == "POST":
        filled = {name: request.POST.get(name, "") for name in KEPT} | demonstration.terms(request.POST)
        form = JobForm(data={k: v for k, v in filled.items() if v != "" and k not in OF_PAGE})
        said = _answer(request, form, filled) if form.is_valid() else {"refused": _faults(form)}
        if not said:
            return redirect(f"{request.path}?{_query(filled)}")
    return render(
        request,
        "generation/studio.html",
        _facts(request) | _offer(request) | _choices(request, filled) | said,
    )


def _faults(form: JobForm) -> str:
    return " ".join(str(text) for errors in form.errors.values() for text in errors)


def _answer(request: HttpRequest, form: JobForm, filled: dict[str, str]) -> dict[str, Any]:
    """Requests the pictures. Returns what the page has to say instead of going on, or nothing: then `filled`
    names the album that may be new."""
    try:
        job = asked(request.user, form.validated_data)
        if job.twin is not None and not job.twin.of_other:
            choice.agree(request.user, job.base, request.POST)
        unread = _unread(job)
        if unread and not request.POST.get("anyway"):
            return {"unread": unread}
        with albums.chosen(request.user, filled["album"], filled["album_name"]) as album:
            _ask(request, dict(form.validated_data) | {"album": album})
        filled |= {"album": str(album.id) if album else "", "album_name": ""}
    except DomainError as error:
        lacks = error.code in ("not_enough_credits", "payment_due")
        return {"refused": sentence_of(error), "lacks_credits": lacks}
    return {}


def _unread(job: Job) -> list[str]:
    """Sentences about the parts of the prompts that the base does not read."""
    read, sentences = reading(job), []
    if (until := read["prompt_read_until"]) is not None:
        sentences.append(UNREAD % {"end": _tail(job.prompt[:until])})
    if (until := read["negative_prompt_read_until"]) is not None:
        end = _tail(job.negative_prompt[:until])
        sentences.append(UNREAD_NEGATIVE % {"end": end} if until else str(NO_NEGATIVE))
    return sentences


def _tail(text: str) -> str:
    """The last TAIL characters, from the start of a word."""
    words = text[-TAIL - 1 :].partition(" ")[2]
    return words if len(text) > TAIL and words else text[-TAIL:]


@limited("generations")
def _ask(request: HttpRequest, fields: dict[str, Any]) -> None:
    fields.pop("kind", None)
    key = request.POST.get("key", "")[:255] or None  # the page's key makes a double click one job
    services.request_images(request.user, **demonstration.picked(request, fields), key=key)


def _query(filled: dict[str, str]) -> str:
    return urlencode({k: v for k, v in filled.items() if (v or k == "twin") and k not in ("seed", "steps")})


def _choices(request: HttpRequest, filled: dict[str, str]) -> dict[str, Any]:
    usable = Twin.objects.owned_by(request.user).filter(active_training__isnull=False, disabled_at=None)
    rows = usable.select_related("active_training__twin").with_face().with_older()
    twins = [twin for twin in rows if not twin.is_read_only]
    invented = demonstration.in_studio(request.user, twins, filled["twin"])
    first = str(twins[0].id) if twins else str(invented["id"]) if invented else ""
    asked = request.method == "POST" or "prompt" in request.GET or (filled["reference"] and not twins)
    if filled["twin"] == "" and not asked:
        filled["twin"] = first
    filled |= demonstration.terms(filled)
    defaults = {"style": STYLES[0], "aspect_ratio": "1:1", "quality": "standard", "count": "2"}
    picks = picking(request.user, twins)
    engine = picks.chosen(filled["twin"], filled["engine"])
    reference, free = _reference(request, filled), demonstration.is_meant(filled)
    beginning = _beginning(request, filled, free=free)
    return beginning | {
        "filled": {k: v or defaults.get(k, "") for k, v in filled.items()} | {"engine": engine},
        "twins": twins,
        "demonstration": invented,
        "free": free,
        "picks": picks,
        "learning": not twins and Training.objects.owned_by(request.user).filter(status__in=OPEN).exists(),
        "styles": STYLE_NAMES,
        "reference": reference,
        "aspects": [(a, a.replace(":", "x")) for a in ASPECTS],
        "qualities": qualities(engine),
        "eras": picks.eras(),
        "adult": adult.is_offered(request.user),
        "presets": StudioPreset.objects.owned_by(request.user),
        "albums": albums.listed(request.user, filled["album"]),
        "album": filled["album"],
        "album_name": filled["album_name"],
        "counts": COUNTS,
        "many": int(filled["count"]) if filled["count"] in map(str, COUNTS) else 2,
        "tab": "studio",
    }


def _beginning(request: HttpRequest, filled: dict[str, str], *, free: bool) -> dict[str, Any]:
    """Where nothing was made yet, an example stands in the prompt: one press makes the first picture."""
    new = not Job.objects.owned_by(request.user).shown().by_prompt().exists()
    example = new and request.method == "GET" and "prompt" not in request.GET and not filled["reference"]
    if example:
        filled["prompt"] = str(EXAMPLES[0][0])
    # To try the demonstration person an example is enough: on a phone they come right below then.
    return {"opened": new and not free, "example": example, "examples": EXAMPLES}


def _reference(request: HttpRequest, filled: dict[str, str]) -> Item | None:
    """The picture that the form begins from; one that is gone is left out."""
    try:
        found = Item.objects.owned_by(request.user).get_or_404(filled["reference"])
    except NotFound:
        filled["reference"] = ""
        return None
    if request.method == "GET" and not filled["aspect_ratio"]:
        filled["aspect_ratio"] = nearest_aspect(found)
    return found


def _offer(request: HttpRequest) -> dict[str, Any]:
    """What stands before the button."""
    return {
        "configured": gateway.configured(),
        "confirmed": is_confirmed(request.user),
        "unread_words": {"prompt": UNREAD, "negative": UNREAD_NEGATIVE, "none": NO_NEGATIVE},
    }


def _facts(request: HttpRequest) -> dict[str, Any]:
    rows = Job.objects.owned_by(request.user).shown().by_prompt().for_clients()[:SHOWN]
    return {
        "jobs": shown(request.user, rows),
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
    if rows[0].kind == HEADSHOTS:
        return redirect("headshots_sheet", ident)
    facts = {"jobs": shown(request.user, rows), "key": secrets.token_urlsafe(12), "tab": "studio"}
    return render(request, "generation/job.html", facts)


@login_required
@require_POST
@told
@limited("generations")
def again(request: HttpRequest, ident: str) -> HttpResponse:
    """Repeats a job, with a new seed unless `same_seed` is sent."""
    job = Job.objects.owned_by(request.user).get_or_404(ident)
    make, key = again_of(job), request.POST.get("key", "")[:255] or None
    made = make(job, same_seed=bool(request.POST.get("same_seed")), key=key)
    return redirect(_where(made))


@login_required
@require_POST
@told
def cancel(request: HttpRequest, ident: str) -> HttpResponse:
    job = Job.objects.owned_by(request.user).get_or_404(ident)
    job.cancel()
    return redirect(_where(job))


def _where(job: Job) -> str:
    """The name of the page that lists it."""
    return "videos" if job.kind == VIDEO else "studio"
