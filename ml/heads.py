"""Looks at one frame of a live selfie: the face, where the head points, how far the eyes are open.

Pose comes from MTCNN's five points. The nose's tip stands before the plane of eyes and mouth, so it moves
against them when a head turns, and stays where it is between them when a flat picture does. Pictures are
(H, W, 3) uint8 RGB. "Real" figures: 80 studio photos of twenty people (Face Research Lab London Set).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from ml import media
from ml.errors import PhotoRefused
from ml.faces import Faces
from ml.measures import (
    DARK,
    NOSE,
    face_patch,
    is_cut_off,
    is_rival,
    light_fault,
    luma,
    sharpness,
    width_of,
    yaw_of,
)
from ml.nets.eyes import Eyes
from ml.types import Face

LONG_SIDE = 640  # px: larger frames are shrunk
LEAST_SIDE = 200  # px of the short side
FACE_LEAST = 80  # px of the face's width: below, points and eyes are too coarse
SHARP = 0.08  # least sharpness: moving heads are a little blurred, and frames are smaller than photos
FRONT = 8.0  # degrees of yaw within which a head faces the camera


@dataclass(frozen=True)
class Frame:
    """One frame. `fault`: one of SELFIE_CODES, or "" when it can be used. `yaw`: degrees, positive towards
    the picture's right, which is the person's left. `rise`: where the nose's tip lies between eyes (0) and
    mouth (1). `shape`: distance of eyes and mouth / distance of the eyes. `eyes`: how likely each is open.
    `apart`: distance of its vector from that of the best frame."""

    step: int
    fault: str = ""
    picture: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8), repr=False)
    face: Face | None = None
    yaw: float = 0.0
    rise: float = 0.0
    shape: float = 0.0
    eyes: tuple[float, float] = (1.0, 1.0)
    sharp: float = 0.0
    vector: np.ndarray | None = field(default=None, repr=False)
    apart: float = 0.0

    @property
    def points(self) -> np.ndarray:
        """(5, 2)."""
        assert self.face
        return np.asarray(self.face.points, np.float64)


@dataclass(frozen=True)
class Neutral:
    """The person's own head from the front: noses differ by more than a nod moves them (real `rise`: 0.41 to
    0.60)."""

    yaw: float
    rise: float
    shape: float

    def yaw_of(self, frame: Frame) -> float:
        return frame.yaw - self.yaw

    def pitch_of(self, frame: Frame) -> float:
        """Degrees, positive upwards."""
        return float(np.degrees(np.arctan((self.rise - frame.rise) * self.shape / NOSE)))


def decoded(data: bytes) -> np.ndarray | None:
    """Decodes a frame in a child process; None for what is no picture, or too small a one."""
    try:
        return media.to_array(media.clean(data, long_side=LONG_SIDE, min_side=LEAST_SIDE).jpeg)
    except PhotoRefused:
        return None


def look(picture: np.ndarray | None, step: int, faces: Faces, eyes: Eyes) -> Frame:
    """Looks at the face of a frame. Does not raise for a bad one."""
    if picture is None:
        return Frame(step, "selfie_unreadable")
    found = faces.find(picture)
    if not found:
        return Frame(step, "selfie_too_dark" if is_dark(picture) else "selfie_no_face", picture)
    face = found[0]
    rise, shape = proportions(face)
    return Frame(
        step,
        fault_of(picture, found),
        picture,
        face,
        yaw_of(face),
        rise,
        shape,
        eyes(picture, face),
        sharpness(face_patch(picture, face)),
    )


def is_dark(picture: np.ndarray) -> bool:
    return bool(np.percentile(luma(picture), 95) < DARK)


def fault_of(picture: np.ndarray, found: list[Face]) -> str:
    """Why the frame cannot be used, or ""."""
    face = found[0]
    if is_rival([width_of(each) for each in found]):
        return "selfie_several_faces"
    if is_cut_off(face, picture.shape[1], picture.shape[0]):
        return "selfie_no_face"
    if width_of(face) < FACE_LEAST:
        return "selfie_too_small"
    patch = face_patch(picture, face)
    if light_fault(patch) == "too_dark":
        return "selfie_too_dark"
    return "selfie_blurred" if sharpness(patch) < SHARP else ""


def proportions(face: Face) -> tuple[float, float]:
    """(rise, shape), see Frame."""
    left, right, nose, *mouth = (np.asarray(p, np.float64) for p in face.points)
    down = (mouth[0] + mouth[1] - left - right) / 2
    tall = max(float(np.hypot(*down)), 1e-3)
    rise = (nose - (left + right) / 2) @ down / tall**2
    return float(rise), tall / max(float(np.hypot(*(right - left))), 1e-3)


def neutral_of(frames: Sequence[Frame], steps: Sequence[str]) -> Neutral:
    """The head from the front: the median of the frames that face the camera and in which it was not asked to
    look up; where there are none, of those nearest to the front."""
    level = [f for f in frames if steps[f.step] != "up"] or list(frames)
    front = [f for f in level if abs(f.yaw) < FRONT] or sorted(level, key=lambda f: abs(f.yaw))[:3]
    return Neutral(*(median(getattr(f, name) for f in front) for name in ("yaw", "rise", "shape")))


# Movements. Degrees are against the person's own front.
TURNED, UP = 15.0, 6.0  # least yaw and pitch of the frame that shows it
ALSO = 0.5  # of that, in a second frame: a single wrong point is no movement
ASTRAY = 20.0  # largest yaw of a nod or a blink, and largest turn to the wrong side
BOWED = -12.0  # degrees of pitch: the lids of a head that looks down hide the eyes as well
CLOSED, OPEN = 0.4, 0.6  # of Frame.eyes: closed when both are below, open when their mean is above


def shows(step: str, frames: Sequence[Frame], neutral: Neutral) -> bool:
    """Whether the frames of one step show its movement, and none of the others."""
    yaws = [neutral.yaw_of(f) for f in frames]
    if step == "blink":
        return blinks(frames, neutral)
    if step == "up":
        pitches = [neutral.pitch_of(f) for f, yaw in zip(frames, yaws) if abs(yaw) < ASTRAY]
        return reaches(pitches, UP) and max(map(abs, yaws)) < ASTRAY
    side = 1 if step == "left" else -1
    return reaches([side * yaw for yaw in yaws], TURNED) and min(side * yaw for yaw in yaws) > -ASTRAY


def reaches(values: Sequence[float], least: float) -> bool:
    highest = sorted(values)[-2:]
    return len(highest) == 2 and highest[1] >= least and highest[0] >= ALSO * least


def blinks(frames: Sequence[Frame], neutral: Neutral) -> bool:
    """Whether both eyes close and open while the head is still."""
    if max(abs(neutral.yaw_of(f)) for f in frames) >= ASTRAY:
        return False
    level = [f for f in frames if neutral.pitch_of(f) > BOWED]
    return any(max(f.eyes) < CLOSED for f in level) and any(sum(f.eyes) > 2 * OPEN for f in level)
