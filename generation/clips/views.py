"""The page of clips in the studio: the form, and the clips with their progress."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.emails import is_confirmed
from billing import ledger, prices
from billing.engines import choice
from billing.payments import gateway
from config.errors import DomainError, NotFound
from config.web.labels import MOTION_NAMES, STYLE_NAMES
from config.web.problems import sentence_of
from config.web.ratelimit import limited
from gallery.models import UNSAFE, Item
from generation import albums
from generation.clips import services
from generation.clips.serializers import VideoForm, own
from generation.clips.services import USUAL, VIDEO
from generation.models import Job
from generation.packs.views import usable_twins
from generation.picking import Picking, picking
from generation.shown import shown
from ml.animation import ACTION_MOST, SECONDS
from ml.catalogue import video_of
from ml.types import ASPECTS, STYLES
from twins.models import Twin

SHOWN = 12  # clips
OFFERED = 12  # pictures to begin from, the newest
KEPT = ("twin", "prompt", "reference", "motion", "action", "duration", "style", "aspect_ratio", "seed")
KEPT += ("engine", "era", "album", "album_name")
OF_PAGE = ("album", "album_name")  # which the page resolves itself


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """A refused form is shown again with its values."""
    filled = {name: request.GET.get(name, "") for name in KEPT}
    said: dict[str, Any] = {}
    if request.method == "POST":
        filled = {name: request.POST.get(name, "") for name in KEPT}
        filled["action"] = "" if filled["motion"] else filled["action"]  # hidden beside a chosen movement
        said = _answer(request, filled)
        if not said:
            return redirect(f"{request.path}?{_query(filled)}")
    return render(request, "generation/videos.html", _facts(request) | _choices(request, filled) | said)


def _query(filled: dict[str, str]) -> str:
    return urlencode({k: v for k, v in filled.items() if (v or k == "twin") and k != "seed"})


def _answer(request: HttpRequest, filled: dict[str, str]) -> dict[str, Any]:
    """Requests the clip. Returns why it was refused, or nothing."""
    form = VideoForm(data={"kind": VIDEO} | {k: v for k, v in filled.items() if v and k not in OF_PAGE})
    if not form.is_valid():
        return {"refused": " ".join(str(text) for errors in form.errors.values() for text in errors)}
    try:
        _agree(request, form.validated_data)
        with albums.chosen(request.user, filled["album"], filled["album_name"]) as album:
            _ask(request, own(request.user, dict(form.validated_data)) | {"album": album})
        filled |= {"album": str(album.id) if album else "", "album_name": ""}
    except DomainError as error:
        lacks = error.code in ("not_enough_credits", "payment_due")
        return {"refused": sentence_of(error), "lacks_credits": lacks}
    return {}


def _agree(request: HttpRequest, fields: dict[str, Any]) -> None:
    """To a company that runs the chosen engine. Raises ConsentRequired, NotFound."""
    twin = fields.get("twin") and Twin.objects.owned_by(request.user).get_or_404(fields["twin"])
    if twin and not twin.of_other and fields.get("engine"):
        choice.agree(request.user, Job(engine=fields["engine"]).base, request.POST)


@limited("generations")
def _ask(request: HttpRequest, fields: dict[str, Any]) -> None:
    key = request.POST.get("key", "")[:255] or None  # the page's key makes a double click one job
    services.request_clip(request.user, **fields, key=key)


def _choices(request: HttpRequest, filled: dict[str, str]) -> dict[str, Any]:
    twins, reference = usable_twins(request.user), _reference(request, filled)
    if reference is not None:
        filled["twin"] = str(reference.twin_id)
        twins = [twin for twin in twins if twin.id == reference.twin_id]
    elif twins and not filled["twin"] and request.method == "GET" and "prompt" not in request.GET:
        filled["twin"] = str(twins[0].id)
    picks = picking(request.user, twins, video=True)
    engine = picks.chosen(filled["twin"], filled["engine"])
    usual = {"motion": "" if filled["action"] else USUAL, "duration": str(SECONDS[0])}
    usual |= {"style": STYLES[0], "aspect_ratio": ASPECTS[0]}
    return {
        "filled": {k: v or usual.get(k, "") for k, v in filled.items()} | {"engine": engine},
        "twins": twins,
        "picks": picks,
        "for_script": _for_script(picks),
        "reads_words": bool(engine and _reads_words(picks, engine)),
        "reference": reference,
        "pictures": [] if reference else pictures(request.user, twins),
        "motions": MOTION_NAMES,
        "action_most": ACTION_MOST,
        "durations": [(n, prices.video(n)) for n in SECONDS],
        "styles": STYLE_NAMES,
        "aspects": [(a, a.replace(":", "x")) for a in ASPECTS],
        "albums": albums.listed(request.user, filled["album"]),
        "album": filled["album"],
        "album_name": filled["album_name"],
        "tab": "studio",
    }


def _reference(request: HttpRequest, filled: dict[str, str]) -> Item | None:
    """The picture that the form begins from; one that is gone is left out."""
    with suppress(NotFound):
        return Item.objects.owned_by(request.user).filter(twin__isnull=False).get_or_404(filled["reference"])
    filled["reference"] = ""
    return None


def pictures(user: Any, twins: list[Twin]) -> Any:
    """The newest pictures of these twins, which a clip can begin from."""
    rows = Item.objects.owned_by(user).filter(kind=Item.Kind.IMAGE, twin__in=twins, archived=False)
    return rows.filter(safety__lt=UNSAFE)[:OFFERED]


def _reads_words(picks: Picking, profile: str) -> bool:
    found = [video_of(card.base) for card in picks.cards if card.profile == profile]
    return any(moves is not None and moves.words for moves in found)


def _for_script(picks: Picking) -> str:
    """What static/clips.js reads: which engines move which twin, and those that read words."""
    words = [card.profile for card in picks.cards if _reads_words(picks, card.profile)]
    return json.dumps({"fitting": picks.fitting, "words": words})


def _facts(request: HttpRequest) -> dict[str, Any]:
    rows = Job.objects.owned_by(request.user).shown().filter(kind=VIDEO).for_clients()[:SHOWN]
    return {
        "jobs": shown(request.user, rows),
        "key": secrets.token_urlsafe(12),
        "available": ledger.balance(ledger.wallet_of(request.user)).available,
        "configured": gateway.configured(),
        "confirmed": is_confirmed(request.user),
        "of_clips": True,
    }


@login_required
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    return render(request, "generation/_jobs.html", _facts(request))
