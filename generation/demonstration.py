"""Pictures of the demonstration person: drafts from words, free, a few a day, before anything is uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import ledger, limits
from config.errors import DomainError, NotFound
from config.runs.states import Status
from config.web.ratelimit import limited
from generation.models import Job
from ml.demonstration import BASE, SUBJECT
from twins.demonstration import DEMONSTRATION, is_offered
from twins.models import Twin

QUALITY, LONGEST = "draft", 512  # px of the longer side
DAY = timedelta(days=1)


class OnlyDrafts(DomainError):
    code = "demonstration_drafts"
    message = _(
        "Of the demonstration person there are drafts from words alone, by the built-in engine. Leave out"
        " other qualities, steps, engines and pictures to begin from, or make a twin of your own."
    )


REFUSALS = (OnlyDrafts, limits.DemonstrationLimit)


def picked(request: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """As `chosen`, and counts a request for drafts by its network. Raises RateLimited too."""
    found = chosen(request.user, fields)
    if found["demonstration"]:
        _count(request)
    return found


@limited("demonstration")
def _count(request: Any) -> None:
    """One network makes no free drafts without end, however many accounts it opens."""


def chosen(user: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a form, with the twin that it names in place of the twin's id. Raises NotFound."""
    ident = fields.get("twin")
    if ident == DEMONSTRATION:
        return {"quality": QUALITY} | fields | {"twin": None, "demonstration": True}
    twin = Twin.objects.owned_by(user).get_or_404(ident) if ident else None
    return fields | {"twin": twin, "demonstration": False}


def is_meant(form: Mapping[str, Any]) -> bool:
    return str(form.get("twin")) == str(DEMONSTRATION)


def terms(form: Mapping[str, Any]) -> dict[str, str]:
    """What the studio's form says where it asks for the demonstration person, whatever stands in it."""
    none = dict.fromkeys(("steps", "reference", "strength", "adult"), "")
    return none | {"quality": QUALITY, "engine": BASE} if is_meant(form) else {}


def check(job: Job) -> None:
    """Raises NotFound, OnlyDrafts."""
    if not job.demonstration:
        return
    if not is_offered(job.user):
        raise NotFound
    other = job.quality != QUALITY or job.engine not in ("", BASE)
    if other or job.steps or job.reference or job.kind != "image":
        raise OnlyDrafts


def take(job: Job) -> None:
    """Before a job of it is enqueued: locks the wallet, so that two requests at once cannot pass the limit
    together. Raises DemonstrationLimit."""
    if job.demonstration:
        ledger.locked_wallet(job.user)
        limits.room_for_drafts(made_today(job.user), job.count)
        job.longest = min(job.longest or LONGEST, LONGEST)


def made_today(user: Any) -> int:
    """How many drafts were asked for in the last 24 hours. What failed does not count."""
    recent = Job.objects.filter(user=user, demonstration=True, created_at__gt=timezone.now() - DAY)
    return recent.exclude(status=Status.FAILED).aggregate(n=Sum("count"))["n"] or 0


def in_studio(user: Any, twins: Sequence[Twin], wanted: str) -> dict[str, Any] | None:
    """What the studio tells of it, to those without a twin and to those who ask for it."""
    if (twins and wanted != str(DEMONSTRATION)) or not is_offered(user):
        return None
    return shown(user)


def shown(user: Any) -> dict[str, Any]:
    """What clients and the studio are told. Raises NotFound where it is not offered."""
    if not is_offered(user):
        raise NotFound
    return {
        "id": DEMONSTRATION,
        "name": str(_("Demonstration")),
        "subject_class": SUBJECT,
        "status": "trained",
        "demonstration": True,
        "engine": BASE,
        "quality": QUALITY,
        "limit": limits.DRAFTS_A_DAY,
        "left": max(0, limits.DRAFTS_A_DAY - made_today(user)),
    }
