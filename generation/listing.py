"""Jobs as the studio lists them: with the pictures that are still there, and the places of those to come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from config.runs.places import Places
from config.studio import get_base
from config.web.labels import engine_name
from gallery.models import Item
from generation.models import Job
from generation.packs.services import HEADSHOTS
from generation.serializers import show_job

ON_A_LINE = 8  # pictures of an order of headshots
OF_ITEM = ("id", "width", "height", "kind", "favourite", "prompt", "recipe__seed")
OF_RECIPE = ("prompt", "style", "aspect_ratio", "quality", "count", "engine", "era", "negative_prompt")
OF_RECIPE += ("reference", "strength")


def shown(user: Any, rows: Iterable[Job]) -> list[dict[str, Any]]:
    places = Places()
    jobs = [show_job(job, places) | {"spared": job.spared, "cost": _cost(job)} for job in rows]
    mine = Item.objects.owned_by(user).filter(job__in=[j["id"] for j in jobs])
    here = {item["id"]: item for item in mine.values(*OF_ITEM)}
    for job in jobs:
        _complete(job, here)
    return jobs


def _complete(job: dict[str, Any], here: dict[Any, dict[str, Any]]) -> None:
    """Adds what the page shows of a job. Deleted pictures are left out."""
    base = get_base(str(job["recipe"]["engine"]))
    items = [here[ident] for ident in job["items"] if ident in here]
    waiting = job["recipe"]["count"] - len(items) if job["status"] in ("queued", "running") else 0
    sheet = job["kind"] == HEADSHOTS
    most = ON_A_LINE if sheet else len(items) + waiting  # the contact sheet shows all
    places = max(0, min(waiting, most - len(items[:most])))
    job |= {
        "engine": engine_name(base.name),
        "there": bool(base.service),
        "items": items[:most],
        "sheet": sheet,
        "waiting": range(places),
        "shown": min(8, len(items[:most]) + places),
        "open": waiting > 0,
        "link": "" if sheet or job["kind"] in ("repair", "enlarge") else _link(job),
    }


def _cost(job: Job) -> int:
    """What it costs, or did cost."""
    return job.price if job.is_open else job.captured


def _link(job: dict[str, Any]) -> str:
    """The studio with this job's recipe in its form."""
    recipe = job["recipe"]
    told = {name: recipe[name] for name in OF_RECIPE if recipe.get(name)}
    more = {"twin": recipe["twin"] or "", "album": job["album"] or ""}
    return f"{reverse('studio')}?{urlencode(told | more)}"
