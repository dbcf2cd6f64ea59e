"""Deletes what is kept for a while only: changes of names, and pictures that searches were made with."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from gallery.faces.models import FaceQuery, Naming, Person

UNDOABLE = timedelta(days=30)  # how long a change of names can be undone
ASKED = timedelta(minutes=10)  # a search has ended long before


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
