"""Jobs as the pages of the studio show them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from config.runs.places import Places
from config.studio import get_base
from config.web.labels import engine_name
from gallery.clips import query
from gallery.models import Item
from generation.clips import services as clips
from generation.clips.services import VIDEO
from generation.models import Job
from generation.packs.services import HEADSHOTS
from generation.serializers import show_job

ON_A_LINE = 8  # pictures of an order of headshots in the studio
READ = ("id", "width", "height", "kind", "duration", "favourite", "prompt", "recipe__seed")  # of each item
OF_RECIPE = ("prompt", "style", "aspect_ratio", "quality", "count", "engine", "era", "negative_prompt")
OF_RECIPE += ("reference", "strength")


def shown(user: Any, rows: Any) -> list[dict[str, Any]]:
    """What templates/generation/_jobs.html reads, without pictures that were deleted."""
    places = Places()
    jobs = [show_job(job, places) | _told_here(job) for job in rows]
    mine = Item.objects.owned_by(user).filter(job__in=[j["id"] for j in jobs])
    here = {item["id"]: item for item in mine.values(*READ)}
    moves = clips.is_offered(user)
    for job in jobs:
        base = get_base(str(job["recipe"]["engine"]))
        job["engine"] = engine_name(base.name)
        job["there"] = bool(base.service)
        job["items"] = [here[ident] for ident in job["items"] if ident in here]
        job["sheet"] = job["kind"] == HEADSHOTS
        job["animates"] = moves and bool(job["recipe"]["twin"]) and job["kind"] != VIDEO
        job["animates"] &= not job["demonstration"]
        job["change"] = query(job["recipe"]) if job["kind"] == VIDEO else ""
        job["link"] = "" if job["sheet"] or job["kind"] in ("repair", "enlarge", VIDEO) else _link(job)
        _fill_line(job)
    return jobs


def _told_here(job: Job) -> dict[str, Any]:
    """`cost`: what it costs, or did cost. `said`: what was asked for; of a pack its name in the language of
    the page."""
    said = job.pack.label if job.pack else job.prompt
    return {"said": said, "spared": job.spared, "cost": job.price if job.is_open else job.captured}


def _link(job: dict[str, Any]) -> str:
    """The studio with this job's recipe in its form."""
    recipe = job["recipe"]
    told = {name: recipe[name] for name in OF_RECIPE if recipe.get(name)}
    more = {"twin": recipe["twin"] or "", "album": job["album"] or ""}
    return f"{reverse('studio')}?{urlencode(told | more)}"


def _fill_line(job: dict[str, Any]) -> None:
    """Sets the places of what is still to come. A contact sheet shows all, so a line here shows the first."""
    waiting = job["recipe"]["count"] - len(job["items"]) if job["status"] in ("queued", "running") else 0
    most = ON_A_LINE if job["sheet"] else len(job["items"]) + waiting
    job["items"] = job["items"][:most]
    job["waiting"] = range(max(0, min(waiting, most - len(job["items"]))))
    job["shown"] = min(8, len(job["items"]) + len(job["waiting"]))
    job["open"] = waiting > 0
