"""Makes a clip of a picture: choose the picture, move it, measure it, once more if it is not good enough,
deliver it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ml import animation, finish_clip, moving
from ml.animation import AnimateSpec, Clip, refusal
from ml.begin_clip import Begin, face_fault, sized
from ml.catalogue import Base, VideoBase, video_of
from ml.drawn.drawing import Drawing
from ml.drawn.portraits import draw
from ml.engine import tell
from ml.faces import Faces
from ml.finish_clip import Measured
from ml.local.wan import Wan
from ml.nets.scales import SCALES
from ml.provenance import Signer
from ml.types import Progress

TRIES = 2
REDRAWN = 4.0  # levels; most difference to its drawing of a picture, which has a mark in it


class Animator(Protocol):
    """Makes the frames of a clip, (H, W, 3) uint8, the first of them the picture."""

    def __call__(
        self, begin: Begin, spec: AnimateSpec, attempt: int, on_frame: Callable[[float], None]
    ) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class First:
    """The picture that a clip begins from; `data`: its file, None of one that was rendered for the clip;
    `drawing`: what it is a drawing of, if that is known."""

    picture: np.ndarray
    data: bytes | None = None
    drawing: Drawing | None = None


class Animators:
    """What moves pictures here; models are loaded at their first use."""

    def __init__(self, device: str):
        self.device = device
        self._lock = threading.Lock()
        self._others: dict[str, Wan] = {}

    def of(self, video: VideoBase) -> Animator:
        if video.name == moving.NAME:
            return move
        with self._lock:
            return self._others.setdefault(video.name, Wan(video, self.device))

    def close(self) -> None:
        """Frees memory."""
        with self._lock:
            self._others.clear()


def move(
    begin: Begin, spec: AnimateSpec, attempt: int, on_frame: Callable[[float], None]
) -> list[np.ndarray]:
    """The built-in engine's clips. The second try goes to the other side, and less far."""
    levels = moving.levels_of(spec, spec.seed + attempt, moving.CALMER**attempt)
    if begin.drawing and is_of(begin.drawing, begin.picture):
        return moving.drawn(begin.drawing, begin.picture.shape[:2], levels, on_frame)
    return moving.frames(begin.picture, begin.face, levels, on_frame, is_drawn=begin.is_drawn)


def is_of(drawing: Drawing, picture: np.ndarray) -> bool:
    """Whether the drawing program still draws this picture of it."""
    height, width = picture.shape[:2]
    made = draw(*drawing, height, width)
    return float(np.abs(made.astype(np.float32) - picture).mean()) <= REDRAWN


class Animating:
    """One clip. MLError with one of animation.ERRORS."""

    def __init__(
        self,
        base: Base,
        animators: Animators,
        faces: Faces,
        signer: Signer,
        spec: AnimateSpec,
        on_progress: Progress,
        source: str | Path | None = None,
    ):
        video = video_of(base, source)
        if video is None:
            raise refusal("engine_without_video")
        animation.check(spec, reads_words=video.words)
        self.base, self.spec, self.on_progress = base, spec, on_progress
        self.faces, self.signer = faces, signer
        self.animate, self.engine = animators.of(video), video.name
        self.start = time.monotonic()

    def best_of(self, firsts: Sequence[First], twin: Mapping[str, Any]) -> First:
        """The one with one face that is most alike; the first of equals. MLError of the first one's fault
        where none has one face."""
        photos = finish_clip.photos_of(self.spec, twin)
        scored, faults = [], []
        for first in firsts:
            tell(self.on_progress, "rendering", 0.5)
            if code := face_fault(self.faces.find(first.picture), first.picture):
                faults.append(code)
                continue
            made = finish_clip.measure([first.picture], photos, self.faces)
            scored.append((made.median or made.holds or 0.0, first))
        if not scored:
            raise refusal(faults[0])
        return max(scored, key=lambda one: one[0])[1]

    def run(self, first: First, twin: Mapping[str, Any]) -> Clip:
        picture = sized(first.picture)
        found = self.faces.find(picture)
        if code := face_fault(found, picture):
            raise refusal(code)
        photos = finish_clip.photos_of(self.spec, twin)
        is_drawn = SCALES[self.faces.embedders.describe(picture, found[0])[0]].drawn
        begin = Begin(picture, found[0], is_drawn, first.drawing)
        frames, measured, tries = self._good(begin, photos)
        tell(self.on_progress, "encoding", 0.0)
        made = finish_clip.deliver(
            frames,
            measured,
            spec=self.spec,
            is_avatar="avatar" in twin,
            engine=self.engine,
            signer=self.signer,
            parent=first.data,
            seed=self.spec.seed + tries - 1,
        )
        self.on_progress("done", 1.0)
        # Signed by what moved it; delivered, as a picture is, by the base.
        return replace(made, engine=self.base.name, took=time.monotonic() - self.start, tries=tries)

    def _moving(self, share: float) -> None:
        tell(self.on_progress, "animating", share)

    def _good(self, begin: Begin, photos: Mapping[str, Any]) -> tuple[list[np.ndarray], Measured, int]:
        """(the frames, what they show, the tries). What is not alike before it moves is not moved."""
        floor = finish_clip.floor_of(self.base.floor, photos)
        if code := finish_clip.measure([begin.picture], photos, self.faces).fault(floor):
            raise refusal(code)
        for attempt in range(TRIES):
            frames = self.animate(begin, self.spec, attempt, self._moving)
            tell(self.on_progress, "checking", 0.0)
            measured = finish_clip.measure(frames, photos, self.faces)
            code = measured.fault(floor)
            if not code:
                return frames, measured, attempt + 1
        raise refusal(code)
