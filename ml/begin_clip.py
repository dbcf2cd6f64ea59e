"""The first steps of every clip, whichever engine makes it: the picture that it begins from, the words that a
model is asked with, and the tone of what it makes. finish_clip.py has the last steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml import media
from ml.animation import AnimateSpec
from ml.drawn.drawing import Drawing
from ml.errors import MLError
from ml.measures import clip_fault, width_of
from ml.types import Face
from ml.words import screening

LONGEST = 1024  # px of a frame's longer side at most
SHORTEST = 256  # px of its shorter side at least: less holds no mark
SENTENCES = {
    "blink": "The person looks into the camera, breathes calmly and blinks.",
    "smile": "The person slowly begins to smile, then relaxes.",
    "turn": "The person slowly turns the head to one side, then to the other, and looks back again.",
    "nod": "The person nods twice.",
    "walk_the_light": "The person stands still while the light slowly moves around the face.",
}
STILL = "The camera stands still. The same person, the same face and clothes throughout."
AWAY = "another person, distorted face, deformed hands, flicker, blur, subtitles, watermark, cut, zoom"
TONE_FROM = 4  # frames after the first, of which the tone is read: they come of one latent


def refuse_words(spec: AnimateSpec) -> None:
    """MLError `prompt_refused` unless both texts may be used. A picture that is there needs no words."""
    for text in filter(None, (spec.first.prompt if not spec.first.reference else "", spec.action.strip())):
        screening.refuse_prompt(text, spec.first.negative_prompt, allow_sexual=spec.first.adult)


@dataclass(frozen=True)
class Begin:
    """What a clip begins from: a picture whose sides are even, the face in it, whether that is drawn, and of
    what, where that is known."""

    picture: np.ndarray
    face: Face
    is_drawn: bool = False
    drawing: Drawing | None = None


def sized(picture: np.ndarray) -> np.ndarray:
    """The picture at a frame's size, its sides even. MLError `face_too_small` for less than SHORTEST."""
    small = media.within(picture, LONGEST)
    height, width = (side // 2 * 2 for side in small.shape[:2])
    if min(height, width) < SHORTEST:
        raise MLError(
            "face_too_small", f"This picture is smaller than {SHORTEST} pixels. Choose a larger one."
        )
    return np.ascontiguousarray(small[:height, :width])


def face_fault(found: Sequence[Face], picture: np.ndarray) -> str:
    """A code of animation.ERRORS where no clip can begin from a picture with these faces, else ""."""
    return clip_fault([width_of(face) for face in found], picture.shape[1])


def words_of(spec: AnimateSpec) -> str:
    said = (spec.action.strip(), SENTENCES.get(spec.motion, ""), spec.first.prompt.strip(), STILL)
    return " ".join(one if one.endswith(".") else f"{one}." for one in said if one)


def in_one_tone(first: np.ndarray, frames: list[np.ndarray]) -> list[np.ndarray]:
    """The clip beginning with the picture itself, the other frames in its tone. The correction is read from
    the frames right after it and is the same for all: a light that moves later stays."""
    near = np.stack(frames[1 : 1 + TONE_FROM]).reshape(-1, 3).astype(np.float32)
    wanted = first.reshape(-1, 3).astype(np.float32)
    scale = np.clip(wanted.std(0) / np.maximum(near.std(0), 1.0), 0.8, 1.25)
    shift = wanted.mean(0) - near.mean(0) * scale
    rest = [np.clip(frame * scale + shift + 0.5, 0, 255).astype(np.uint8) for frame in frames[1:]]
    return [first, *rest]
