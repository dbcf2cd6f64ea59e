"""Where the base draws and the photos are real: fits the avatar and trains the twin on drawings of it.

The nano base knows drawings only, so a LoRA of photographs is a blur. Photorealistic bases train on the
photos themselves, and so does every base on drawn photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml.avatar.avatar import Avatar, from_facts
from ml.avatar.drawings import photos_of
from ml.avatar.eyes import drawn_eyes
from ml.avatar.fit import fit
from ml.avatar.views import View
from ml.catalogue import Base
from ml.faces import Described
from ml.nets.redrawing import KnownPerson
from ml.nets.scales import SCALES
from ml.types import TrainSpec


def is_needed(base: Base, embedder: str) -> bool:
    """`embedder` suits most of the photos."""
    return not base.photorealistic and not SCALES[embedder].drawn


def avatar_of(spec: TrainSpec, pictures: Sequence[np.ndarray], found: Sequence[Described]) -> Avatar:
    """The avatar that the spec brings, or the one that fits the photos. MLError, see ml.avatar.fit."""
    if spec.avatar is not None:
        return from_facts(spec.avatar)
    views = [View(picture, one.face.points) for picture, one in zip(pictures, found)]
    return fit(views, spec.subject)


def person_in(facts: Mapping[str, Any]) -> KnownPerson | None:
    """Whom a twin of these facts draws; None where that is not known as values. In older files of
    drawn photos the embedder says the colour of the eyes, in each picture."""
    found = facts.get("avatar") or facts.get("drawn")
    if not found:
        return None
    return KnownPerson(from_facts(found).person, eyes="avatar" in facts or "eyes" in facts)


def eyes_in(pictures: Sequence[np.ndarray], found: Sequence[Described]) -> str:
    """The colour of the eyes in drawn photos."""
    return drawn_eyes([View(picture, one.face.points) for picture, one in zip(pictures, found)])


def drawn(spec: TrainSpec, avatar: Avatar) -> TrainSpec:
    """The same training on drawings of the avatar. What a seed draws is always the same."""
    return replace(spec, photos=photos_of(avatar, spec.subject, spec.seed))
