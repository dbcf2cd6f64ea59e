"""Quick doubles of ml's Judge and Engine, for config/studio.py. Each picture encodes the LoRA that was
loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml import animation, clips, media
from ml.animation import AnimateSpec, Clip
from ml.errors import MLError, PhotoRefused, Stopped
from ml.types import (
    SELFIE_STEPS,
    Inspection,
    Journal,
    Movement,
    Picture,
    Progress,
    RenderSpec,
    SelfieVerdict,
    Store,
    TrainReport,
    TrainSpec,
    go_on,
)


@dataclass
class JudgeDouble:
    """Decodes photos for real. Accepts every photo that decodes, unless `verdict` returns a code."""

    embedders = ("test",)
    verdict: Callable[[bytes], str] = lambda data: ""
    on_step: Callable[[str, float], Any] = lambda stage, share: None
    review: str = ""  # why staff must look at every accepted selfie
    any_movement: bool = False  # takes every selfie, whatever its frames show

    def inspect(self, data: bytes, others: Sequence[Inspection] = ()) -> Inspection:
        self.on_step("inspecting", 0.0)
        try:
            photo = media.clean(data)
        except PhotoRefused as e:
            return Inspection(False, e.code, e.message)
        if code := self.verdict(data):
            return Inspection(False, code, code, width=photo.width, height=photo.height)
        hash = int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
        vector = (1.0, *[0.0] * 127)
        said = Inspection(
            True,
            box=(10, 10, 200, 220),
            width=photo.width,
            height=photo.height,
            light=0.5,
            sharpness=0.3,
            embedding=vector,
            embedder="test",
            points=((10.0, 10.0),) * 5,
            hash=hash,
            clean=photo.jpeg,
        )
        return self.compare(said, others)

    def framing(self, frame: bytes, width: int) -> str:
        """Decodes the frame for real. A photo of less than 512 px is taken from too far."""
        media.clean(frame, min_side=64)
        return self.verdict(frame) or ("face_too_small" if width < 512 else "")

    def find(self, picture: Any) -> list[Any]:
        """No face: nothing here asks for their hashes."""
        return []

    def compare(self, said: Inspection, others: Sequence[Inspection]) -> Inspection:
        if any(said.hash == o.hash for o in others):
            return Inspection(False, "duplicate", "duplicate")
        return said

    def verify_selfie(self, movements: Sequence[Movement], photos: Sequence[Inspection]) -> SelfieVerdict:
        """Reads frames of `selfie_frame`: the movement that each shows, and whose face."""
        self.on_step("verifying", 0.0)
        if self.any_movement:
            movements = [Movement(m.step, (selfie_frame(m.step),)) for m in movements]
        shown = [[seen_in(frame) for frame in each.frames] for each in movements]
        prints = tuple(seen for frames in shown for _step, _face, seen in frames)
        for index, (asked, frames) in enumerate(zip(movements, shown, strict=True)):
            if any(step != asked.step for step, _face, _seen in frames):
                return SelfieVerdict(False, "selfie_wrong_movement", step=index, prints=prints)
        vector = face_vector(shown[0][0][1])
        likeness = tuple(float(tuple(photo.embedding) == vector) for photo in photos)
        if sum(likeness) < len(likeness) * 2 / 3:
            return SelfieVerdict(False, "selfie_other_face", likeness=likeness, prints=prints)
        return SelfieVerdict(
            True,
            review=self.review,
            likeness=likeness,
            face=movements[0].frames[0],
            embedding=vector,
            embedder="test",
            prints=prints,
            measures={"yaw": [0.0, 21.5]},
        )

    def embed(self, picture: bytes) -> list[Any]:
        return []


def face_vector(face: int) -> tuple[float, ...]:
    """The double's vector of a face, by number; the photos of tests show face 0."""
    return tuple(float(i == face) for i in range(128))


def selfie_frame(step: str, *, face: int = 0, number: int = 0) -> bytes:
    """A JPEG whose colour says the movement, the face and the number of the frame."""
    colour = (60 * SELFIE_STEPS.index(step) + 20, 40 * face + 20, 3 * (number % 80) + 8)
    return media.encode_jpeg(np.full((48, 64, 3), colour, np.uint8), 95)


def seen_in(frame: bytes) -> tuple[str, int, int]:
    """(movement, face, perceptual hash) of a frame by `selfie_frame`."""
    red, green, blue = (int(value) for value in media.to_array(frame)[24, 32])
    return SELFIE_STEPS[red // 60], green // 40, red << 16 | green << 8 | blue


@dataclass
class EngineDouble:
    """A training takes `steps` steps and calls `on_step` for each. `refuse` may refuse a picture."""

    likeness: float = 0.8
    floor: float = 0.3
    of_pictures: float = 0.7  # the likeness of a twin's pictures
    steps: int = 4
    refuse: Callable[[RenderSpec], bool] = lambda spec: False
    on_step: Callable[[str, float], Any] = lambda stage, share: None
    drawing: dict[str, Any] | None = None  # what every picture is a drawing of
    drawings_moved: list[Any] = field(default_factory=list)  # of the pictures that clips began from
    clip_fails: str = ""  # the code of animation.ERRORS that every clip ends with

    def train(
        self, spec: TrainSpec, *, store: Store, on_progress: Progress = go_on, journal: Journal | None = None
    ) -> TrainReport:
        name = f"{spec.name}/checkpoint"
        done = int(store.read(name)) if store.exists(name) else 0
        for stage in ("preparing", "measuring the base"):
            self.tell(on_progress, stage, 0.0)
        for step in range(done + 1, self.steps + 1):
            store.write(name, str(step).encode())
            self.tell(on_progress, "training", step / self.steps)
        for stage in ("choosing the best", "finishing"):
            self.tell(on_progress, stage, 0.0)
        data = self.weights(spec.name, spec.seed)
        store.write(f"{spec.name}/lora.safetensors", data)
        store.write(f"{spec.name}/samples/0.png", self.sample(data, spec.seed))
        store.delete(name)
        return self.report(spec.name, data)

    def weights(self, name: str, seed: int) -> bytes:
        return f"lora of {name} {seed}".encode()

    def sample(self, lora: bytes, seed: int) -> bytes:
        return paint(lora, seed)

    def report(self, name: str, data: bytes) -> TrainReport:
        return TrainReport(
            lora=f"{name}/lora.safetensors",
            sha256=hashlib.sha256(data).hexdigest(),
            steps=self.steps,
            seconds=1.0,
            seconds_per_step=0.1,
            loss_first=1.0,
            loss_last=0.5,
            checkpoint=self.steps,
            likeness=self.likeness,
            likeness_base=0.1,
            likeness_real=0.9,
            recognised=self.likeness >= self.floor,
            samples=(f"{name}/samples/0.png",),
        )

    def tell(self, on_progress: Progress, stage: str, share: float) -> None:
        self.on_step(stage, share)
        if on_progress(stage, share):
            raise Stopped

    def render(
        self,
        spec: RenderSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Iterator[Picture]:
        lora = self._read(spec, store)
        for i in range(spec.count):
            self.tell(on_progress, "rendering", i / spec.count)
            yield Picture(
                png=paint(lora, spec.seed + i),
                prompt=spec.prompt,
                seed=spec.seed + i,
                width=64,
                height=64,
                likeness=self.of_pictures if lora else None,
                safety=0.0,
                seconds=0.01,
                mark=spec.seed + i,
                engine="test",
                drawing=self.drawing,
            )

    def _read(self, spec: RenderSpec, store: Store | None) -> bytes:
        if self.refuse(spec):
            raise MLError("result_refused", "These pictures may not be shown.")
        if not spec.lora:
            return b""
        assert store is not None
        lora = store.read(spec.lora)
        if hashlib.sha256(lora).hexdigest() != spec.sha256:
            raise MLError("lora_broken", "The twin's file is damaged.")
        return lora

    def animate(
        self,
        spec: AnimateSpec,
        *,
        store: Store | None = None,
        on_progress: Progress = go_on,
        journal: Journal | None = None,
    ) -> Clip:
        """A real MP4 of 64 x 64: the first picture, which grows brighter."""
        animation.check(spec, reads_words=True)
        lora = self._read(spec.first, store)
        if self.clip_fails:
            raise animation.refusal(self.clip_fails)
        self.tell(on_progress, "rendering", 0.0)
        first = media.to_array(self._first(spec, store, lora))
        for i in range(4):
            self.tell(on_progress, "animating", i / 4)
        frames = [np.clip(first.astype(int) + i, 0, 255).astype(np.uint8) for i in range(spec.frames)]
        self.tell(on_progress, "encoding", 0.0)
        alike = self.of_pictures if lora or spec.references else None
        return Clip(
            mp4=clips.encode(frames),
            poster=media.encode_jpeg(first),
            prompt=spec.first.prompt,
            motion=spec.motion,
            seed=spec.seed,
            width=first.shape[1],
            height=first.shape[0],
            frames=len(frames),
            fps=animation.FPS,
            seconds=float(spec.seconds),
            likeness=alike,
            likeness_low=alike,
            faces=1.0,
            steadiness=1.0,
            safety=0.0,
            mark=spec.seed,
            engine="test",
            took=0.01,
        )

    def _first(self, spec: AnimateSpec, store: Store | None, lora: bytes) -> bytes:
        if not spec.first.reference:
            return paint(lora, spec.seed)
        if store is None or not store.exists(spec.first.reference):
            raise MLError("reference_gone", "The picture that this begins from was deleted.")
        if spec.drawing and store.exists(spec.drawing):
            self.drawings_moved.append(json.loads(store.read(spec.drawing)))
        return store.read(spec.first.reference)

    def close(self) -> None:
        pass


def paint(lora: bytes, seed: int) -> bytes:
    """A 64 x 64 picture. The first row encodes the LoRA's checksum, the other rows the seed."""
    picture = np.full((64, 64, 3), seed % 251, np.uint8)
    picture[0, :10] = np.frombuffer(hashlib.sha256(lora).digest()[:30], np.uint8).reshape(10, 3)
    return media.encode_png(picture)


def lora_in(png: bytes) -> bytes:
    """The first 30 bytes of the checksum of the picture's LoRA."""
    return media.to_array(png)[0, :10].tobytes()
