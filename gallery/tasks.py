"""Looks at older pictures, so that those which look alike are found."""

from __future__ import annotations

from celery import shared_task

from gallery.moderated import make_missing
from gallery.shelf import alike

HASHES = 100  # items in one round: half a minute


@shared_task(name="gallery.make_hashes")
def make_hashes() -> int:
    """Makes the hashes of items that have none: those from before there were any."""
    return make_missing(HASHES)


@shared_task(name="gallery.look")
def look() -> int:
    """Returns how many pictures were looked at."""
    return alike.look_at_some()
