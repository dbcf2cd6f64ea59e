"""Real photos and avatars as their checks leave them, and an engine that draws the avatar it is given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from accounts.vault.vault import store
from ml import media
from ml.avatar.avatar import Avatar as Drawn
from ml.avatar.avatar import from_facts
from ml.avatar.skin import PLAIN
from ml.drawn.people import Person, Scene
from ml.drawn.portraits import draw
from ml.nets.scales import REAL
from ml.types import TrainReport, TrainSpec
from tests.studio import EngineDouble
from twins.avatars.models import Avatar
from twins.models import Photo

SIDE = 320
ANA = replace(PLAIN, hair="long", hair_colour="chestnut", eyes="green")


@cache
def picture_of(person: Person, yaw: float = 0.0) -> tuple[bytes, list[float]]:
    """A drawing that is taken for a photo, and the five points of its face."""
    turn, deep = np.radians(yaw), (0.78, 0.78, 1.0, 0.78, 0.78)
    five = ((-0.335, 0.0), (0.335, 0.0), (0.0, 0.37), (-0.22, 0.62), (0.22, 0.62))
    turned = [(x * np.cos(turn) + z * np.sin(turn), y) for (x, y), z in zip(five, deep, strict=True)]
    half = SIDE / 2
    points = [half + half * (0.5 * n + shift) for x, y in turned for n, shift in ((x, 0.0), (y, -0.06))]
    return media.encode_jpeg(draw(person, Scene(size=0.5, yaw=yaw), SIDE, SIDE), 92), points


def take(photos: list[Photo], *shown: tuple[Person, float]) -> None:
    """Makes the photos real ones of these people at these yaws, in turn."""
    made = [picture_of(*one) for one in shown]
    for number, photo in enumerate(photos):
        jpeg, points = made[number % len(made)]
        store(photo.user_id).write(photo.clean, jpeg)
        facts = {"points": points, "embedder": REAL, "width": SIDE, "height": SIDE}
        Photo.objects.filter(id=photo.id).update(**facts)


def fitted(twin: Any, drawn: Drawn | None = None, **fields: Any) -> Avatar:
    """An avatar that fits the twin's accepted photos, as the worker leaves it."""
    ids = list(twin.photos.accepted().values_list("id", flat=True))
    facts = {"photo_ids": ids, "subject": twin.subject_class, "status": "succeeded", **fields}
    made: Avatar = Avatar.objects.create(user=twin.user, twin=twin, shown=False, **facts)
    if made.is_ready:
        made.keep(drawn or Drawn(ANA))
    return made


@dataclass
class DrawingEngine(EngineDouble):
    """Remembers the avatar of each training, and shows it."""

    given: list[Any] = field(default_factory=list)

    def train(self, spec: TrainSpec, **options: Any) -> TrainReport:
        self.given.append(spec.avatar)
        made = super().train(spec, **options)
        shown = spec.avatar or Drawn(ANA).facts()
        return replace(made, avatar=from_facts(shown).facts(), likeness=None, avatar_shown=0.8)
