"""Draws an avatar in varied scenes, as photos to train a twin on and as pictures to show it. Torch-free."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from ml import media
from ml.avatar.avatar import Avatar
from ml.avatar.views import A
from ml.drawn.captions import caption
from ml.drawn.people import Scene, framed_scene, varied_scenes
from ml.drawn.portraits import draw
from ml.prompts import TRIGGER
from ml.types import Photo

COUNT = 24  # drawings that a twin is trained on
SIDE = 640  # px


def photos_of(avatar: Avatar, subject: str, seed: int, count: int = COUNT) -> tuple[Photo, ...]:
    """Drawings with their captions. The same seed gives the same ones; another avatar has other ids."""
    rng = np.random.default_rng([seed, count])
    scenes = [framed_scene(scene, rng) for scene in varied_scenes(rng, count)]
    name = f"avatar-{hashlib.sha256(repr((avatar.person, avatar.glasses)).encode()).hexdigest()[:12]}"
    return tuple(photo(avatar, scene, subject, rng, f"{name}-{i}") for i, scene in enumerate(scenes))


def photo(avatar: Avatar, scene: Scene, subject: str, rng: np.random.Generator, ident: str) -> Photo:
    told = caption(replace(scene, glasses="none"), rng, subject=f"{TRIGGER} {subject}")
    drawn = draw(avatar.person, replace(scene, glasses=avatar.glasses), SIDE, SIDE)
    return Photo(ident, media.encode_jpeg(drawn, 92), told)


def portrait(avatar: Avatar, expression: str = "neutral", side: int = 512) -> A:
    """(side, side, 3) uint8: the avatar from the front, in soft light before a grey wall."""
    scene = Scene(expression=expression, glasses=avatar.glasses, size=0.62, dy=-0.10)
    return draw(avatar.person, scene, side, side)
