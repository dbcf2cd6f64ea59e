"""Pages of faces and people: more of one face, one person, everybody."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts import consents
from accounts.models import Kind
from config.errors import MissingFile
from config.web.pagination import page
from config.web.problems import told
from config.web.ratelimit import limited
from gallery.faces import people, queries, search
from gallery.faces.models import Face, Indexing, Naming, Person
from gallery.faces.serializers import KINDS, FilterForm, MergePeopleForm, PersonForm, filters_of

SHOWN = 40  # faces of one search
LIKELY = 0.9  # from this probability on, a face is chosen when the page opens
NAMES = 500  # offered while typing


@login_required
@require_GET
def everybody(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    asked = consents.WORDING[Kind.FACE_SEARCH]
    found = list(people.shown(user)[:NAMES])
    covers = Face.objects.shown().in_bulk([each.cover for each in found])
    facts = {
        "agreed": consents.has(user.pk, Kind.FACE_SEARCH),
        "version": asked[0],
        "wording": asked[1],
        "people": [(each, covers.get(each.cover)) for each in found],
        "open": Indexing.objects.filter(user=user).open().first(),
        "changes": people.changes(user)[:10],
        "tab": "gallery",
    }
    return render(request, "gallery/people.html", facts)


@login_required
@require_POST
@told
def agree(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    consents.give(user, kind=Kind.FACE_SEARCH, version=request.POST.get("version", ""))
    return redirect("people")


@login_required
@require_POST
@told
@limited("faces")
def seek(request: HttpRequest) -> HttpResponse:
    """Searches with an uploaded picture. Nothing of it is kept, so the answer is the page itself."""
    if "image" not in request.FILES:
        raise MissingFile(_("Choose a picture first."))
    narrow = _narrowed(request.POST)
    found = queries.find_by_picture(request.user, request.FILES["image"].read(), narrow, limit=SHOWN)
    return render(request, "gallery/face.html", _results(request, found) | {"sought": None})


@login_required
@require_GET
@told
def more(request: HttpRequest, ident: str) -> HttpResponse:
    """More of the person with this face."""
    face = Face.objects.owned_by(request.user).shown().get_or_404(ident)
    if not consents.has(face.user_id, Kind.FACE_SEARCH):  # its wording changed since
        return redirect("people")
    narrow, unclear = _narrowed(request.GET), not face.vectors.exists()
    found = [] if unclear else search.most_like(request.user, search.of_face(face), narrow, limit=SHOWN)
    facts = {"sought": face, "unclear": unclear, "guess": _guess(face, found), "likely": LIKELY}
    return render(request, "gallery/face.html", _results(request, found) | facts)


def _narrowed(query: Any) -> search.Filters:
    form = FilterForm(data={name: query[name] for name in FilterForm().fields if query.get(name)})
    form.is_valid(raise_exception=True)
    return filters_of(form.validated_data)


def _results(request: HttpRequest, found: list[search.Hit]) -> dict[str, Any]:
    chosen = request.GET or request.POST
    return {
        "hits": [(hit, round(100 * hit.score)) for hit in found],
        "names": Person.objects.owned_by(request.user).values_list("name", flat=True)[:NAMES],
        "kinds": KINDS,
        "chosen": {name: chosen[name] for name in FilterForm().fields if chosen.get(name)},
        "tab": "gallery",
    }


def _guess(face: Face, found: list[search.Hit]) -> str:
    """The name to begin with: the person's, or that of the likest face that has one."""
    if face.person:
        return face.person.name
    named = (hit.face.person.name for hit in found if hit.face.person and hit.score >= LIKELY)
    return next(named, "")


@login_required
@require_POST
@told
def name(request: HttpRequest, ident: str) -> HttpResponse:
    """Names the person of this face, and of the others that are chosen."""
    face = Face.objects.owned_by(request.user).get_or_404(ident)
    form = PersonForm(data={"name": request.POST.get("name", "")})
    form.is_valid(raise_exception=True)
    chosen = [str(face.id), *people.own_ids(request.user, request.POST.getlist("face"))]
    naming = people.name_faces(request.user, faces=chosen, **form.validated_data)
    _say(request, naming)
    return redirect("person", naming.person_id)


def _say(request: HttpRequest, naming: Naming) -> None:
    n, person = len(naming.moved), naming.person.name
    if naming.kind == Naming.Kind.REMOVED:
        text = ngettext("%(n)s face is not %(name)s any more.", "%(n)s faces are not %(name)s any more.", n)
    else:
        text = ngettext("%(n)s face is now %(name)s.", "%(n)s faces are now %(name)s.", n)
    messages.success(request, text % {"n": n, "name": person})


# ---------------------------------------------------------------- one person


@login_required
@require_GET
@told
def person(request: HttpRequest, ident: str) -> HttpResponse:
    own = Person.objects.owned_by(request.user)
    found = own.get_or_404(ident)
    listed = page(request, found.faces.shown(), lambda face: face, order=("-made_at", "id"))
    facts = {
        "person": found,
        "faces": listed["results"],
        "next": _query_of(listed["next"]),
        "previous": _query_of(listed["previous"]),
        "others": people.shown(request.user).exclude(id=found.id)[:NAMES],
        "changes": people.changes(request.user).filter(person=found)[:5],
        "tab": "gallery",
    }
    return render(request, "gallery/person.html", facts)


def _query_of(link: str | None) -> str:
    return f"?{link.partition('?')[2]}" if link else ""


@login_required
@require_POST
@told
def change(request: HttpRequest, ident: str) -> HttpResponse:
    """Renames, merges or deletes the person, or takes the chosen faces away."""
    own = Person.objects.owned_by(request.user)
    found, act = own.get_or_404(ident), request.POST.get("act")
    if act == "merge":
        return _merge(request, found)
    if act == "remove":
        chosen = people.own_ids(request.user, request.POST.getlist("face"))
        _say(request, people.change_faces(found, remove=chosen)[-1])
    elif act == "delete":
        found.delete()
        messages.success(request, _("The name was deleted. The pictures stay."))
        return redirect("people")
    else:
        form = PersonForm(data={"name": request.POST.get("name", "")})
        form.is_valid(raise_exception=True)
        people.rename(found, form.validated_data["name"])
        messages.success(request, _("Saved."))
    return redirect("person", found.id)


def _merge(request: HttpRequest, found: Person) -> HttpResponse:
    form = MergePeopleForm(data={"into": request.POST.get("into", "")})
    form.is_valid(raise_exception=True)
    into = Person.objects.owned_by(request.user).get_or_404(form.validated_data["into"])
    _say(request, people.merge(found, into=into))
    return redirect("person", into.id)


@login_required
@require_POST
@told
def undo(request: HttpRequest, ident: str) -> HttpResponse:
    n = people.undo(Naming.objects.owned_by(request.user).get_or_404(ident))
    messages.success(
        request, ngettext("%(n)s face was given back.", "%(n)s faces were given back.", n) % {"n": n}
    )
    return redirect("people")
