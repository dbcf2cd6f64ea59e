"""The types of clips in the interface `engine`: short videos that begin from one picture. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml.errors import MLError
from ml.motions import MOTIONS, named_in
from ml.types import RenderSpec

SECONDS = (3, 4, 5)  # lengths of a clip
FPS = 24
ACTION_MOST = 300  # characters of a motion in the user's own words

ERRORS = {
    "duration_out_of_range": f"A clip takes {SECONDS[0]} to {SECONDS[-1]} seconds. Choose one of these.",
    "motion_unknown": "This engine does not know this movement. Choose one of the list.",
    "no_face": "No face was found in this picture. Choose one that shows the face clearly.",
    "several_faces": "Several people are in this picture. Choose one that shows one person alone.",
    "face_too_small": "The face is too small in this picture. Choose one that shows it from nearer.",
    "likeness_too_low": "The clip does not look enough like the person. Try another picture or movement.",
    "unsteady": "The clip flickers too much to be shown. Try another picture or movement.",
    "engine_without_video": "This engine makes no clips. Choose another engine.",
    "clip_unreadable": "This file is not a clip that can be read. Choose an MP4 with H.264.",
}


def refusal(code: str) -> MLError:
    return MLError(code, ERRORS[code])


@dataclass(frozen=True)
class AnimateSpec:
    """A clip to make.

    `first`: the picture that it begins from. With a `reference` that is a picture of ours in the store, else
    the most alike of `candidates` pictures rendered from the prompt. Its `lora` names the twin, whose file
    has what likeness is measured by; without one, `references` are vectors by `embedder` of photos of the
    person. Without either, frames are compared with the first picture's own face.

    `drawing`: the store's name of what the reference is a drawing of (Picture.drawing as JSON); the base that
    draws then draws the clip. What is not there is not missed.

    `motion`: one of motions.MOTIONS, or "" where `action` says it in words. Not every base reads all words,
    see catalogue.VideoBase."""

    first: RenderSpec
    motion: str = ""
    action: str = ""
    seconds: int = 3
    seed: int = 0
    candidates: int = 3
    references: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    embedder: str = ""
    drawing: str | None = None

    @property
    def frames(self) -> int:
        return self.seconds * FPS


@dataclass(frozen=True)
class Clip:
    """One delivered clip: MP4 (H.264, yuv420p, no sound, its index before the frames), the mark in every
    frame, signed. `poster`: its first frame, a JPEG, marked and signed.

    `likeness`: the median of every fourth frame's, `likeness_low` their 5th percentile; both None without a
    twin and without `references`. A twin that shows a drawn avatar has `avatar_shown` and
    `avatar_shown_low` instead. `holds`: the median likeness of the frames to the first picture's own face.
    `faces`: share of those frames with a face. `steadiness`: 1 of a clip without flicker, see
    clips.steadiness. `took`: seconds of work. `tries`: 2 where the first had fallen below a floor."""

    mp4: bytes = field(repr=False)
    poster: bytes = field(repr=False)
    prompt: str
    motion: str
    seed: int
    width: int
    height: int
    frames: int
    fps: int
    seconds: float
    likeness: float | None
    likeness_low: float | None
    faces: float
    steadiness: float
    safety: float  # the worst frame's score, 0 harmless
    mark: int  # the watermark's number
    engine: str
    took: float = 0.0
    tries: int = 1
    avatar_shown: float | None = None
    avatar_shown_low: float | None = None
    holds: float | None = None


def check(spec: AnimateSpec, *, reads_words: bool) -> None:
    """MLError `duration_out_of_range`, `motion_unknown`."""
    if spec.seconds not in SECONDS:
        raise refusal("duration_out_of_range")
    action = spec.action.strip()
    known = spec.motion in MOTIONS if spec.motion else bool(action)
    fits = not action or reads_words or bool(named_in(action))
    if not (known and fits) or len(spec.action) > ACTION_MOST:
        raise refusal("motion_unknown")
