"""Jobs as the pages of the studio show them."""

from __future__ import annotations

from typing import Any

from billing.engines import offers
from config.runs.places import Places
from config.studio import get_base
from config.web.labels import engine_name
from gallery.clips import query
from gallery.models import Item
from generation.clips import services as clips
from generation.clips.services import VIDEO
from generation.packs.services import HEADSHOTS
from generation.serializers import show_job

ON_A_LINE = 8  # pictures of an order of headshots in the studio
READ = ("id", "width", "height", "kind", "duration")  # of each item


def shown(user: Any, rows: Any) -> list[dict[str, Any]]:
    """What templates/generation/_jobs.html reads, without pictures that were deleted."""
    places = Places()
    jobs = [show_job(job, places) | {"spared": job.spared} for job in rows]
    mine = Item.objects.owned_by(user).filter(job__in=[j["id"] for j in jobs])
    here = {item["id"]: item for item in mine.values(*READ)}
    several, moves = len(offers.configured()) > 1, clips.is_offered(user)
    for job in jobs:
        base = get_base(str(job["recipe"]["engine"]))
        job["engine"] = engine_name(base.name) if several else ""
        job["there"] = bool(base.service)
        job["items"] = [here[ident] for ident in job["items"] if ident in here]
        job["sheet"] = job["kind"] == HEADSHOTS
        job["animates"] = moves and bool(job["recipe"]["twin"]) and job["kind"] != VIDEO
        job["change"] = query(job["recipe"]) if job["kind"] == VIDEO else ""
        _fill_line(job)
    return jobs


def _fill_line(job: dict[str, Any]) -> None:
    """Sets the places of what is still to come. A contact sheet shows all, so a line here shows the first."""
    waiting = job["recipe"]["count"] - len(job["items"]) if job["status"] in ("queued", "running") else 0
    most = ON_A_LINE if job["sheet"] else len(job["items"]) + waiting
    job["items"] = job["items"][:most]
    job["waiting"] = range(max(0, min(waiting, most - len(job["items"]))))
    job["open"] = waiting > 0
