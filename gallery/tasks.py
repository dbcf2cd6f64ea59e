"""Looks at older pictures, so that those which look alike are found."""

from __future__ import annotations

from celery import shared_task

from config.studio import get_judge
from gallery.moderated import find_missing_faces, make_missing
from gallery.shelf import alike

HASHES = 100  # items in one round: half a minute
FACES = 100  # the same of their faces: a quarter of a minute


@shared_task(name="gallery.make_hashes")
def make_hashes() -> int:
    """Makes the hashes of items that have none: those from before there were any."""
    return make_missing(HASHES)


@shared_task(name="gallery.find_faces")
def find_faces() -> int:
    """Hashes the faces in new items, for takedowns."""
    return find_missing_faces(get_judge(), FACES)


@shared_task(name="gallery.look")
def look() -> int:
    """Returns how many pictures were looked at."""
    return alike.look_at_some()
