"""Pages of twins: creation, consent, photos, training."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts import consents
from accounts.emails import is_confirmed
from accounts.models import Kind
from billing import ledger, limits
from billing.engines import choice, offers
from billing.payments import gateway
from config.errors import DomainError, NotFound
from config.web.labels import engine_name
from config.web.permissions import with_camera
from config.web.problems import sentence_of, told
from config.web.ratelimit import limited
from ml.catalogue import Base
from twins import checks, demonstration, engines, services, stages, terms
from twins.avatars import pages
from twins.forms import TwinForm
from twins.models import LEAST, MOST, Photo, Training, Twin
from twins.proof import subjects
from twins.proof.serializers import show_verification
from twins.proof.validity import VerificationRequired
from twins.serializers import show_photo, show_training, show_twin

# Example pictures (drawn by bench.examples) and their captions.
GOOD = [
    ("front", gettext_lazy("From the front")),
    ("side", gettext_lazy("Turned to both sides")),
    ("smile", gettext_lazy("Smiling, and not")),
    ("indoors", gettext_lazy("Indoors and outdoors")),
]
BAD = [
    ("several", gettext_lazy("Several people")),
    ("hidden", gettext_lazy("Something before the face")),
    ("blurred", gettext_lazy("Blurred")),
    ("dark", gettext_lazy("Too dark, or flashed")),
]


@login_required
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    own = Twin.objects.owned_by(request.user)
    rows = [show_twin(twin) | {"face": twin.face} for twin in own.for_clients().with_face()]
    facts = {"twins": rows, "tab": "twins", "full": _full(request)}
    return render(request, "twins/list.html", facts | demonstration.facts_of(request.user))


def _full(request: HttpRequest) -> int:
    """How many twins the plan holds, if the user has them all; else 0."""
    user: Any = request.user
    return limits.full_of_twins(ledger.wallet_of(user), Twin.objects.owned_by(user).count())


@login_required
@told
def new(request: HttpRequest) -> HttpResponse:
    first = not Twin.objects.owned_by(request.user).exists()
    form = TwinForm(request.POST or None, initial={"name": _("Me")} if first else None)
    if request.method == "POST" and form.is_valid():
        return _make(request, form.cleaned_data)
    facts = {"form": form, "tab": "twins", "least": LEAST, "most": MOST, "good": GOOD, "bad": BAD}
    return render(
        request, "twins/new.html", facts | {"full": _full(request)} | demonstration.facts_of(request.user)
    )


@limited("twins")
def _make(request: HttpRequest, fields: dict[str, Any]) -> HttpResponse:
    return redirect("twin", services.create_twin(request.user, **fields).id)


@login_required
@require_GET
@with_camera
def detail(request: HttpRequest, ident: str) -> HttpResponse:
    return render(request, "twins/detail.html", _facts(request, ident))


@login_required
@require_GET
def state(request: HttpRequest, ident: str) -> HttpResponse:
    """The part of the page that changes while it is open: readiness, training, versions."""
    facts = _facts(request, ident)
    if request.GET.get("training") and not facts["running"]:  # the screen of a training ends with it: live.js
        return redirect("twin", ident)  # loads the page again
    return render(request, "twins/_state.html", facts)


def _facts(request: HttpRequest, ident: str) -> dict[str, Any]:
    user: Any = request.user
    twin = Twin.objects.owned_by(user).with_older().get_or_404(ident)
    photos = list(twin.photos.all())
    wording = next(c for c in consents.current(user) if c["kind"] == Kind.BIOMETRIC_TWIN)
    consented = subjects.has_consent(twin)
    ready = checks.readiness([p for p in photos if p.accepted])
    usable = offers.usable(user)
    trainings = [show_training(t, usable=usable) for t in twin.trainings.shown().with_twin()]
    running = next((t for t in trainings if t["status"] in ("queued", "running")), None)
    verification = _verification(twin, usable)
    choices = {} if running else _engines(request, twin, verification)
    return (
        _costs(user, twin, running)
        | choices
        | pages.panel(twin, choices.get("chosen"))
        | _progress(twin, trainings, running, consented)
        | {
            "twin": twin,
            "photos": sorted(map(show_photo, photos), key=lambda photo: photo["status"] == "refused"),
            "consent": wording | {"given": consented},
            "verification": verification,
            "ready": ready,
            "share": min(100, 100 * ready.accepted // LEAST),
            "least": LEAST,
            "most": MOST,
            "trainings": [each | {"made_by": engines.made_by(each)} for each in trainings],
            "running": running,
            "key": secrets.token_urlsafe(12),
            "tab": "twins",
        }
    )


def _progress(
    twin: Twin, trainings: list[dict[str, Any]], running: dict[str, Any] | None, consented: bool
) -> dict[str, Any]:
    """The stages of a training under way, the newest one if it failed, and whether a first one is to come."""
    done = running or twin.is_read_only or twin.disabled_at or twin.active_training_id
    return {
        "stages": stages.of_training(running) if running else (),
        "failed": trainings[0] if trainings and trainings[0]["status"] == "failed" else None,
        "bar": not done and consented,
    }


def _verification(twin: Twin, usable: list[Base]) -> dict[str, Any] | None:
    """How far the live selfie is; None where nothing asks for one."""
    asked = any(base.photorealistic for base in usable if base.trains)
    return show_verification(twin) if asked or twin.of_other or twin.selfies.exists() else None


def _engines(request: HttpRequest, twin: Twin, verification: dict[str, Any] | None) -> dict[str, Any]:
    """What the next training may be done by, and what it costs. Nothing is asked for while one is open."""
    available = ledger.balance(ledger.wallet_of(twin.user)).available
    verified = verification is not None and verification["status"] == "verified"
    found = engines.offered(twin, available=available, verified=verified)
    return {
        "available": available,
        "offers": found,
        "chosen": engines.usual(twin, found, request.GET.get("engine", "")),
        "painters": [engine_name(base.name) for base in offers.usable(twin.user) if not base.trains],
    }


def _costs(user: Any, twin: Twin, running: dict[str, Any] | None) -> dict[str, Any]:
    """What stands before a training, and what a cancel takes."""
    return {
        "configured": gateway.configured(),
        "confirmed": is_confirmed(user),
        "cancel_uses_free": running is not None and terms.cancel_uses_free(twin),
        "cancel_uses_renewal": running is not None and terms.cancel_uses_renewal(twin),
        "renewal": None if running else engines.renewal(twin),
    }


@login_required
@require_POST
@told
def agree(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    if request.POST.get("agreed"):
        user: Any = request.user
        consents.give(user, kind=Kind.BIOMETRIC_TWIN, version=request.POST.get("version", ""))
    else:
        messages.error(request, _("Read the text and tick the box first."))
    return redirect("twin", twin.id)


@login_required
@require_POST
@told
@limited("photos")
def send(request: HttpRequest, ident: str) -> HttpResponse:
    """Uploads the photos of one request; the page uses it without JavaScript."""
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    for file in request.FILES.getlist("file"):
        services.add_photo(twin, data=file.read(), file_name=file.name or "")
    return redirect("twin", twin.id)


@login_required
@require_POST
@told
def remove_photo(request: HttpRequest, ident: str, photo: str) -> HttpResponse:
    services.delete_photo(Photo.objects.owned_by(request.user).filter(twin=ident).get_or_404(photo))
    return redirect("twin", ident)


@login_required
@require_POST
@told
def remove_photos(request: HttpRequest, ident: str) -> HttpResponse:
    """Deletes several photos at once. `photo` holds their ids, separated by spaces."""
    own = Photo.objects.owned_by(request.user).filter(twin=ident)
    for photo in [own.get_or_404(each) for each in request.POST.get("photo", "").split()[:MOST]]:
        services.delete_photo(photo)
    return redirect("twin", Twin.objects.owned_by(request.user).get_or_404(ident).id)


@login_required
@require_POST
@told
@limited("trainings")
def train(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    profile = request.POST.get("base", "")
    back = f"{reverse('twin', args=[twin.id])}{engines.query_of(profile)}"
    try:
        _begin(request, twin, profile)
    except VerificationRequired:
        return redirect(f"{reverse('verify_twin', args=[twin.id])}{engines.query_of(profile)}")
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, sentence_of(error))
        return redirect(back)
    return redirect("twin", twin.id)


def _begin(request: HttpRequest, twin: Twin, profile: str) -> None:
    """Starts the training, after the consent to the company whose box was ticked."""
    base = offers.require(twin.user, profile or offers.default(twin.user, trains=True), trains=True)
    if not twin.of_other:  # its person agreed to our own machines only, whatever its owner ticks
        choice.agree(twin.user, base, request.POST)
    key = request.POST.get("key", "")[:255] or None  # makes a double click one training
    services.start_training(twin, base=base.name, key=key)


@login_required
@require_GET
def training(request: HttpRequest, ident: str) -> HttpResponse:
    """Redirects to the twin. The list of credit movements links here."""
    return redirect("twin", Training.objects.owned_by(request.user).get_or_404(ident).twin_id)


@login_required
@require_POST
@told
def cancel(request: HttpRequest, ident: str) -> HttpResponse:
    training = Training.objects.owned_by(request.user).get_or_404(ident)
    training.cancel()
    return redirect("twin", training.twin_id)


@login_required
@require_POST
@told
def activate(request: HttpRequest, ident: str) -> HttpResponse:
    training = Training.objects.owned_by(request.user).get_or_404(ident)
    return redirect("twin", services.activate(training).id)


@login_required
@require_POST
@told
def remove(request: HttpRequest, ident: str) -> HttpResponse:
    twin = Twin.objects.owned_by(request.user).get_or_404(ident)
    services.delete_twin(twin)
    messages.success(request, _("%(name)s was deleted, with all photos and weights.") % {"name": twin.name})
    return redirect("twins")
