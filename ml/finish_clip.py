"""The last steps for every clip of every engine: likeness and steadiness, screen, mark, file, signature."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ml import clips, finish, safety, watermark
from ml.animation import FPS, AnimateSpec, Clip
from ml.errors import MLError
from ml.likeness import distance, facts_of, is_recognisable
from ml.nets.scales import SCALES
from ml.provenance import Signer

if TYPE_CHECKING:  # it loads torch
    from ml.faces import Faces

EVERY = 4  # frames: of each such one the face is looked at
SCREENED = 8  # frames between two that are screened
STEADY = 0.97  # least steadiness
FOUND = 0.9  # least share of the frames with a face
NONE_TO_COMPARE = 0.5  # floor of the likeness to the first picture's face, where there are no photos


@dataclass(frozen=True)
class Measured:
    """What the frames of a clip show. `alike`: each looked-at frame's likeness to the twin's photos, `own` to
    the first picture's face; `faces`: the share of them with a face that can be compared."""

    alike: tuple[float, ...]
    own: tuple[float, ...]
    faces: float
    steadiness: float

    @property
    def median(self) -> float | None:
        return round(float(np.median(self.alike)), 4) if self.alike else None

    @property
    def low(self) -> float | None:
        return round(float(np.percentile(self.alike, 5)), 4) if self.alike else None

    @property
    def holds(self) -> float | None:
        return round(float(np.median(self.own)), 4) if self.own else None

    def fault(self, floor: float) -> str:
        """The code of what is wrong with the clip, "" for nothing. Without photos to compare with, the face
        must stay the first picture's."""
        likeness = self.median if self.median is not None else self.holds
        if self.faces < FOUND or likeness is None or likeness < floor:
            return "likeness_too_low"
        return "unsteady" if self.steadiness < STEADY else ""


def photos_of(spec: AnimateSpec, twin: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts that likeness is measured by; {} where there are no photos."""
    if twin.get("embedder", "") in SCALES:
        return twin
    if spec.references and spec.embedder in SCALES:
        vectors = np.array(spec.references, np.float64)
        alone = {"embedder": spec.embedder, "reference": vectors[0], "spread": 0.0}
        return facts_of(vectors, spec.embedder) if len(vectors) > 1 else alone
    return {}


def floor_of(floor: float, photos: Mapping[str, Any]) -> float:
    """`floor`: of the base, for the likeness to photos."""
    return floor if photos else NONE_TO_COMPARE


def measure(frames: Sequence[np.ndarray], photos: Mapping[str, Any], faces: Faces) -> Measured:
    """`photos`: facts of `photos_of`. The first frame's face must be found."""
    face = faces.find(frames[0])[0]
    embedder, vector = faces.embedders.describe(frames[0], face)
    first = {"embedder": embedder, "reference": vector, "spread": 0.0}
    looked = clips.sampled(frames, EVERY)
    alike, own = [], []
    for frame in looked:
        for found in faces.find(frame)[:1]:
            if is_recognisable(frame, found):
                own.append(_probability(frame, found, first, faces))
                if photos:
                    alike.append(_probability(frame, found, photos, faces))
    return Measured(tuple(alike), tuple(own), round(len(own) / len(looked), 4), clips.steadiness(frames))


def _probability(frame: np.ndarray, face: Any, facts: Mapping[str, Any], faces: Faces) -> float:
    vector = faces.embedders.vector(facts["embedder"], frame, face)
    assert vector is not None  # SCALES and the embedders have the same names
    return min(SCALES[facts["embedder"]].probability(distance(vector, facts)), facts.get("own", 1.0))


def screen(frames: Sequence[np.ndarray], *, allow_nudity: bool = False) -> float:
    """The worst score of the frames that are looked at. MLError `result_refused`; `screening_unavailable`:
    what was not screened is never delivered."""
    worst = 0.0
    for frame in clips.sampled(frames, SCREENED):
        verdict = safety.screen_picture(frame, allow_nudity=allow_nudity)
        if verdict.label == "unavailable":
            raise MLError("screening_unavailable", "Clips cannot be checked now. Try again in some minutes.")
        if not verdict.safe:
            raise MLError("result_refused", "This clip may not be shown. Change its words and try again.")
        worst = max(worst, verdict.score)
    return worst


def mark_frames(frames: Sequence[np.ndarray], *, is_new: bool) -> tuple[Sequence[np.ndarray], int]:
    """The frames with a mark, and its number. A picture of ours brings its own mark along, and two numbers in
    one place could not be read: its number stays. It is not written again where every frame still shows it,
    which would make it visible."""
    found = None if is_new else watermark.read_whole(frames[0])
    mark = secrets.randbits(32) if found is None else found
    if found is not None and all(
        watermark.read_whole(frame) == mark for frame in clips.sampled(frames, SCREENED)
    ):
        return frames, mark
    return list(watermark.embed_frames(frames, mark)), mark


def deliver(
    frames: Sequence[np.ndarray],
    measured: Measured,
    *,
    spec: AnimateSpec,
    is_avatar: bool,
    engine: str,
    signer: Signer,
    parent: bytes | None,
    seed: int,
) -> Clip:
    """The file of frames (their sides even) that have passed, or the error of those that have not. `parent`:
    the file that the clip begins from."""
    safe = screen(frames, allow_nudity=spec.first.adult)
    marked, mark = mark_frames(frames, is_new=parent is None)
    mp4, now = clips.encode(marked), datetime.now(UTC)
    signed = signer.sign(mp4, "video/mp4", engine=engine, ident=mark, created=now, parent=parent)
    poster = finish.sign_copy(marked[0], engine=engine, signer=signer, mark=mark, created=now, parent=parent)
    return Clip(
        mp4=signed,
        poster=poster,
        prompt=spec.first.prompt,
        motion=spec.motion,
        seed=seed,
        width=frames[0].shape[1],
        height=frames[0].shape[0],
        frames=len(frames),
        fps=FPS,
        seconds=len(frames) / FPS,
        likeness=None if is_avatar else measured.median,
        likeness_low=None if is_avatar else measured.low,
        avatar_shown=measured.median if is_avatar else None,
        avatar_shown_low=measured.low if is_avatar else None,
        holds=measured.holds,
        faces=measured.faces,
        steadiness=measured.steadiness,
        safety=safe,
        mark=mark,
        engine=engine,
    )
