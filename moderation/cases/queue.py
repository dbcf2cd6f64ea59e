"""Staff's queue inside the admin: the most urgent case, its picture blurred and grey, decided by keys."""

from __future__ import annotations

import base64
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.standing.models import Suspension
from config import registry
from config.errors import DomainError, Invalid, NotFound
from config.web.problems import sentence_of
from config.web.text import FormText
from moderation.cases import deciding
from moderation.cases.models import Case, Decision, Match
from moderation.cases.reasons import KEPT, OTHER, REMOVED
from moderation.cases.services import NUMBER

DECIDE, LOOK = "moderation.decide_case", "moderation.look_case"
COPIES, BEFORE, NOTICES = 12, 8, 5  # shown of a case


@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """GET shows the next case, or the one that `case` names. POST acts on one. With the header X-Part, which
    queue.js sends, the answer is the next case alone, without a redirect and the admin's frame."""
    if not request.user.has_perm(DECIDE):  # type: ignore[union-attr]
        raise PermissionDenied
    part, done, looked = "X-Part" in request.headers, _last(request), False
    if request.method == "POST":
        done = None
        try:
            done, looked = _act(request)
        except DomainError as error:
            messages.error(request, sentence_of(error))
        if not (looked or part):
            return redirect(reverse("moderation_queue") + (f"?done={done.id}" if done else ""))
    facts = _shown(request, looked) | {"part": part, "done": done}
    if part:
        return TemplateResponse(request, "admin/moderation/_queue.html", facts)
    frame = admin.site.each_context(request) | {"title": _("Cases")}
    return TemplateResponse(request, "admin/moderation/queue.html", frame | facts)


def _shown(request: HttpRequest, looked: bool) -> dict[str, Any]:
    """The case that was asked for or looked at, else the next one."""
    chosen = _chosen(request) if looked or request.method == "GET" else None
    case = chosen or deciding.next_case(actor=request.user)
    facts = _facts(request, case, looked) if case else {"waiting": 0}
    return facts | {"appealed": Suspension.objects.appealed().in_force().count()}


def _chosen(request: HttpRequest) -> Case | None:
    number = request.POST.get("case") or request.GET.get("case", "")
    return Case.objects.open().filter(number=number).first() if NUMBER.fullmatch(number) else None


def _act(request: HttpRequest) -> tuple[Decision | None, bool]:
    """The decision that was made, and whether somebody looked. Raises DomainError."""
    actor, act = request.user, request.POST.get("act", "")
    if act == "undo":
        deciding.undo(_decision(request.POST.get("decision", "")), actor=actor)
        messages.success(request, _("The decision is undone."))
        return None, False
    case = _chosen(request)
    if case is None:
        raise deciding.CaseClosed
    if act == "escalate":
        deciding.escalate(case, actor=actor)
        return None, False
    if act == "look":
        if not actor.has_perm(LOOK):  # type: ignore[union-attr]
            raise PermissionDenied
        deciding.look(case, actor=actor, reason=_typed(request.POST, "why"))
        return None, True
    return deciding.decide(case, actor=actor, outcome=act, **_decided(request.POST, act)), False


def _decided(said: Any, act: str) -> dict[str, Any]:
    chosen = tuple(int(ident) for ident in said.getlist("same") if ident.isdecimal() and len(ident) < 19)
    reason = said.get(f"reason_{act}", "")
    return {"reason": reason, "text": _typed(said, "text"), "chosen": chosen}


def _typed(said: Any, name: str) -> str:
    """Raises Invalid."""
    try:
        return str(FormText(required=False).clean(said.get(name, "")))
    except ValidationError as error:
        raise Invalid(errors={name: list(error.messages)}) from None


def _decision(ident: str) -> Decision:
    found: Decision = Decision.objects.all().get_or_404(ident)
    return found


def _last(request: HttpRequest) -> Decision | None:
    """The decision just made, for the undo button."""
    try:
        return _decision(request.GET["done"]) if "done" in request.GET else None
    except NotFound:
        return None


def _facts(request: HttpRequest, case: Case, looked: bool) -> dict[str, Any]:
    subject = registry.subjects.get(case.subject_kind)
    shown = bool(subject) and (looked or not subject.private)  # type: ignore[union-attr]
    return {
        "case": case,
        "waiting": Case.objects.open().count(),
        "shown": shown,
        "preview": _preview(case.subject_kind, case.subject_id) if shown else None,
        "hideable": bool(subject),
        "may_look": request.user.has_perm(LOOK),  # type: ignore[union-attr]
        "looked": looked,
        "copies": [_copy(match, looked) for match in case.matches.exclude(state="hidden")[:COPIES]],
        "notices": case.notices.all()[:NOTICES],
        "appeals": [each for made in case.decisions.all() for each in made.appeals.all()],
        "history": _history(case),
        "kept": KEPT | OTHER,
        "removed": REMOVED | OTHER,
    }


def _copy(match: Match, looked: bool) -> dict[str, Any]:
    return {"row": match, "preview": _preview(match.subject_kind, match.subject_id) if looked else None}


def _history(case: Case) -> Any:
    """Earlier decisions about the same subject or the same owner."""
    named = {"case__subject_id": case.subject_id, "case__owner": case.owner_id}
    about = [Q(**{field: value}) for field, value in named.items() if value]
    rows = Decision.objects.filter(reduce(or_, about), undone_at=None) if about else Decision.objects.none()
    return rows.select_related("case", "by")[:BEFORE]


def _preview(kind: str, ident: str) -> dict[str, str] | None:
    """A picture as part of the page, or a text; None where it is gone."""
    try:
        data = registry.subjects[kind].preview(ident)
    except (NotFound, KeyError):
        return None
    for start, media_type in ((b"RIFF", "webp"), (b"\xff\xd8", "jpeg"), (b"\x89PNG", "png")):
        if data.startswith(start):
            return {"picture": f"data:image/{media_type};base64,{base64.b64encode(data).decode()}"}
    return {"text": data.decode(errors="replace")}
