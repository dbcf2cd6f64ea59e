"""Drawn people who turn their head and blink before a camera: frames of a live selfie, and a film for
Chromium's camera (`--use-fake-device-for-media-stream --use-file-for-fake-video-capture=FILE`).

A person is a number; `photos` are of the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ml import media
from ml.drawn.people import Person, Scene, random_person, varied_scenes
from ml.drawn.portraits import draw
from ml.types import Movement

HEIGHT, WIDTH = 480, 640


class Pose(NamedTuple):
    """Degrees; `blink` 0 open .. 1 closed."""

    yaw: float = 0.0
    pitch: float = 0.0
    blink: float = 0.0


FRONT = Pose()
# At the end of each movement. A person's left is on the right of the picture.
POSES = {"left": Pose(yaw=28), "right": Pose(yaw=-28), "up": Pose(pitch=-20), "blink": Pose(blink=1)}


@lru_cache
def person_of(seed: int) -> Person:
    return random_person(np.random.default_rng([19, seed]))


def photos(seed: int, count: int = 3) -> list[bytes]:
    """JPEGs of the person for `Judge.inspect`."""
    scenes = varied_scenes(np.random.default_rng([20, seed]), count)
    person = person_of(seed)
    plain = [replace(s, glasses="none", expression="neutral", yaw=6.0 * i) for i, s in enumerate(scenes)]
    return [media.encode_jpeg(draw(person, scene, 768, 768), 92) for scene in plain]


@lru_cache(256)
def drawing(seed: int, pose: Pose, glasses: str = "none") -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8."""
    scene = Scene(background="studio", light="soft", glasses=glasses, size=0.62, **pose._asdict())
    return draw(person_of(seed), scene, HEIGHT, WIDTH)


def frame(picture: np.ndarray, number: int) -> bytes:
    """JPEG of a picture with the grain of a camera, other in each frame."""
    grain = np.random.default_rng([21, number]).normal(0, 2.0, picture.shape)
    return media.encode_jpeg(np.clip(picture + grain, 0, 255).astype(np.uint8), 85)


def movement_of(step: str, count: int = 6) -> list[Pose]:
    """From the front into the movement, quickly, as people do; the eyes open again after a blink."""
    times = [i / max(count - 1, 1) for i in range(count)]
    shares = [float(0.3 < t < 0.7) if step == "blink" else min(1.0, t / 0.6) for t in times]
    return [Pose(*(share * value for value in POSES[step])) for share in shares]


def film(
    seed: int, steps: Sequence[str], *, still: bool = False, glasses: str = "none", count: int = 6
) -> list[Movement]:
    """`count` frames of each step; `still`: of a person who does nothing."""
    made = []
    for step in steps:
        poses = [FRONT] * count if still else movement_of(step, count)
        pictures = [drawing(seed, pose, glasses) for pose in poses]
        made.append(Movement(step, tuple(frame(p, 100 * len(made) + i) for i, p in enumerate(pictures))))
    return made


def camera_film(path: Path, seed: int, parts: Sequence[tuple[float, str]]) -> Path:
    """Writes a film (Motion JPEG, 30 a second, as Chromium plays it, from the start when the camera opens and
    again at its end). `parts`: (seconds, a step or "front") each; a turn takes 0.4 s and is held, eyes close
    and open every 0.6 s. `path` ends in .mjpeg."""
    made: list[bytes] = []
    for seconds, name in parts:
        for tick in range(round(seconds * 10)):
            data = frame(drawing(seed, pose_at(name, tick)), len(made))
            made += [data] * 3  # a new picture ten times a second
    path.write_bytes(b"".join(made))
    return path


def pose_at(name: str, tick: int) -> Pose:
    """The pose `tick` tenths of a second after the part began."""
    if name == "front":
        return FRONT
    share = float(tick % 12 >= 6) if name == "blink" else min(1.0, tick / 4)
    return Pose(*(share * value for value in POSES[name]))
