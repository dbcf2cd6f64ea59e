"""The people whom a user names: naming, merging and removing faces, and undoing each of it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, Invalid
from gallery.faces.models import Face, Naming, Person

NAMED = _("You have a person of this name. Merge the two instead.")


class MergedWithThemself(DomainError):
    code, message = "same_person", _("This is the same person. Choose another one to merge with.")


class NoFaces(DomainError):
    code, message = "no_faces", _("Choose at least one face.")


def shown(user: Any) -> Any:
    """The people with faces, the most frequent first."""
    return counted(user).filter(count__gt=0).order_by("-count", "name", "id")


def counted(user: Any) -> Any:
    """The people with `count`, of their faces, and `cover`, the id of the clearest one."""
    best = Face.objects.filter(person=OuterRef("pk")).order_by("-quality", "-made_at", "id")
    return Person.objects.owned_by(user).annotate(count=Count("faces"), cover=Subquery(best.values("id")[:1]))


@transaction.atomic
def name_faces(user: Any, *, faces: Iterable[Any], name: str) -> Naming:
    """These faces are the person of this name, who is new or has other faces already. Raises NoFaces."""
    person = Person.objects.owned_by(user).filter(name__iexact=name).first()
    if person is None:
        person = _create(user, name)
    return _move(user, Q(id__in=list(faces)), person, Naming.Kind.NAMED)


def _create(user: Any, name: str) -> Person:
    try:
        with transaction.atomic():
            return Person.objects.create(user=user, name=name)
    except IntegrityError:  # another request named them at the same time
        return Person.objects.owned_by(user).get(name__iexact=name)


@transaction.atomic
def change_faces(person: Person, *, add: Sequence[Any] = (), remove: Sequence[Any] = ()) -> list[Naming]:
    """The faces in `add` are this person, then those in `remove` are not. Raises NoFaces."""
    if not add and not remove:
        raise NoFaces
    done = [_move(person.user, Q(id__in=add), person, Naming.Kind.NAMED)] if add else []
    if remove:
        among = Q(id__in=remove, person=person)
        done.append(_move(person.user, among, None, Naming.Kind.REMOVED, of=person))
    return done


@transaction.atomic
def merge(person: Person, *, into: Person) -> Naming:
    """`person` is `into`. Raises MergedWithThemself, NoFaces."""
    if person == into:
        raise MergedWithThemself
    return _move(person.user, Q(person=person), into, Naming.Kind.MERGED, source=person)


def _move(
    user: Any,
    which: Q,
    to: Person | None,
    kind: Naming.Kind,
    *,
    of: Person | None = None,
    source: Person | None = None,
) -> Naming:
    """Moves the user's faces, and notes whose they were. Needs a transaction."""
    rows = Face.objects.owned_by(user).filter(which).select_for_update(of=("self",))
    before = dict(rows.order_by("id").values_list("id", "person"))
    if not before:
        raise NoFaces
    Face.objects.filter(id__in=before).update(person=to)
    moved = {str(face): str(person) if person else None for face, person in before.items()}
    about = to or of
    assert about
    return Naming.objects.create(user=user, kind=kind, person=about, source=source, moved=moved)


@transaction.atomic
def undo(naming: Naming) -> int:
    """Gives the faces back whose they were, but those that were changed again since. Returns how many."""
    now = None if naming.kind == Naming.Kind.REMOVED else naming.person_id
    before: dict[str | None, list[str]] = defaultdict(list)
    for face, person in naming.moved.items():
        before[person].append(face)
    there = {str(ident) for ident in Person.objects.filter(user=naming.user_id).values_list("id", flat=True)}
    done = 0
    for person, faces in before.items():
        rows = Face.objects.filter(user=naming.user_id, id__in=faces, person=now)
        done += rows.update(person=person if person in there else None)
    naming.delete()
    return done


def own_ids(user: Any, texts: Iterable[str]) -> list[Any]:
    """The user's faces among these ids; what is no id is left out."""
    idents = []
    for text in texts:
        with contextlib.suppress(ValueError):
            idents.append(UUID(text))
    return list(Face.objects.owned_by(user).filter(id__in=idents[:1000]).values_list("id", flat=True))


def rename(person: Person, name: str) -> Person:
    """Raises Invalid for the name of another person."""
    person.name = name
    try:
        with transaction.atomic():
            person.save(update_fields=["name"])
    except IntegrityError:
        raise Invalid(errors={"name": [str(NAMED)]}) from None
    return person


def changes(user: Any) -> Any:
    return Naming.objects.owned_by(user).select_related("person", "source")
