"""A user's faces and people in their archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list, json_member, rows
from config.registry import Member
from gallery.faces.models import Face, FaceIndex, FaceQuery, FaceVector, Indexing, Measured, Naming, Person


def faces(user: Any) -> Iterator[Member]:
    own = [kind._base_manager.filter(user=user) for kind in (Person, Naming, FaceIndex, Measured)]
    people = dict(zip(("people", "changes", "index", "measured"), map(rows, own)))
    runs = {"runs": rows(Indexing.objects.filter(user=user)) + rows(FaceQuery.objects.filter(user=user))}
    about = _("The people whom you named in your pictures, and which pictures were searched for faces.")
    yield json_member("faces/people.json", people | runs, about)
    found = each_row(Face.objects.owned_by(user).order_by("id"))
    yield json_list("faces/faces.json", found, _("The faces in your pictures."))
    vectors = each_row(FaceVector.objects.filter(user=user).order_by("id"))
    yield json_list("faces/vectors.json", vectors, _("The measurements of the faces in your pictures."))
