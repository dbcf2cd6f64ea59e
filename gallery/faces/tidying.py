"""Deletes what is kept for a while only: changes of names, and pictures that searches were made with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import retention
from gallery.faces.models import Face, FaceQuery, Naming, Person

UNDOABLE = retention.kept("names")  # how long a change of names can be undone
ASKED = retention.kept("searches")  # a search has ended long before


def forget_changes() -> int:
    """Also deletes people without faces whom no change can bring back."""
    changes, _by_model = Naming.objects.filter(created_at__lt=timezone.now() - UNDOABLE).delete()
    people, _by_model = Person.objects.filter(faces=None, namings=None, mergings=None).delete()
    return changes + people


def forget_queries() -> int:
    """The web process that asked was stopped before it had the answer."""
    old = FaceQuery.objects.filter(created_at__lt=timezone.now() - ASKED)
    for query in old.open():
        query.stop()
    return old.delete()[0]


def concerned(user: Any) -> Iterator[tuple[Any, int]]:
    """What the withdrawal of the consent deletes now (indexing.forget)."""
    yield _("Faces whose measurements are deleted"), Face.objects.filter(user=user).count()
    yield _("Names of people that are deleted"), Person.objects.filter(user=user).count()
