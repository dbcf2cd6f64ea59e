"""`manage.py reembed_photos`: renews the vectors of photos that were accepted with other embedders."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.db.models import Q

from accounts.vault.sealing import Tampered
from accounts.vault.vault import store
from config.studio import get_judge
from ml.nets.scales import is_drawn
from twins.models import Photo, Training

BATCH = 100  # ids read at once


class Command(BaseCommand):
    help = (
        "Judges anew whether accepted photos are drawn or real, and stores their vectors by the embedder that"
        " suits them. Each photo is saved by itself: stop the command at any time and start it again."
        " Run it after an upgrade, and after another net for faces was installed."
        " Likeness of photographs that was measured by the net for drawings is forgotten."
    )

    def handle(self, **options: Any) -> None:
        done = 0
        while some := list(waiting()[:BATCH]):
            for photo in some:
                renew(photo)
                done += 1
        self.stdout.write(f"{done} photos renewed.")


def waiting() -> Any:
    """Accepted photos with a vector by an embedder that is not in use any more, or without the face's points,
    which older code did not store."""
    old = Q(points=None) | ~Q(embedder__in=get_judge().embedders)
    return Photo.objects.accepted().filter(old, embedding__isnull=False).order_by("id")


def renew(photo: Photo) -> None:
    found = described(photo)
    with transaction.atomic():
        row = waiting().select_for_update().filter(id=photo.id).first()
        if row is None:  # deleted, or the consent was withdrawn meanwhile
            return
        was_drawn = is_drawn(row.embedder)
        if found is None:
            row.embedding, row.embedder = None, ""
        else:
            row.embedding, row.embedder = list(map(float, found.vector)), found.embedder
            row.points = [float(n) for point in found.face.points for n in point]
        row.save(update_fields=["embedding", "embedder", "points"])
        if was_drawn and is_drawn(row.embedder) is False:
            measured = Training.objects.filter(twin=row.twin_id, likeness__isnull=False)
            measured.update(likeness=None, likeness_base=None, likeness_real=None)


def described(photo: Photo) -> Any:
    """The widest face with its vector; None when the file is damaged or gone, or shows no face."""
    try:
        data = store(photo.user_id).read(photo.clean)
    except (FileNotFoundError, Tampered):
        return None
    found = get_judge().embed(data)
    return found[0] if found else None
