"""Restores a picture: every face is found, laid upright, restored and pasted back; the rest may be enlarged.

It must stay the person: choosing.py. Pictures are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np

from ml import media
from ml.engine import tell
from ml.errors import MLError
from ml.faces import Faces
from ml.finish import finish
from ml.measures import width_of
from ml.provenance import Signer
from ml.restore.choosing import FLOOR, Identity, choose, least_fidelity
from ml.restore.paste import Square, lay, paste
from ml.restore.quality import clearness, is_good, quality
from ml.restore.restorers import FaceRestorer, Restorers
from ml.types import Face, Progress, Restored, RestoredFace, RestoreSpec, go_on
from ml.watermark import SMALLEST

MOST_FACES = 20
FACE_LEAST = 24.0  # px of a face's width; below, there is no person left to restore
MOST_PIXELS = 17_000_000  # of a result; a smaller scale is taken instead
SCALES_OFFERED = (1, 2, 4)
LEAST_SIDE = 2 * SMALLEST  # px of a result's short side: less cannot hold the watermark


def restore(
    spec: RestoreSpec, *, faces: Faces, restorers: Restorers, signer: Signer, on_progress: Progress = go_on
) -> Restored:
    """Raises MLError `no_face`, `several_faces` (more than MOST_FACES), `face_too_small`,
    `nothing_to_restore`, `result_refused`, `restorer_missing`, and Stopped."""
    start = time.monotonic()
    tell(on_progress, "restoring", 0.05)
    picture = media.to_array(spec.picture)
    found = check(faces.find(picture))
    work = begin(spec, picture, found, restorers, faces)
    told = []
    for i, face in enumerate(found):
        tell(on_progress, "restoring", 0.2 + 0.7 * i / len(found))
        told.append(work.restore(face))
    tell(on_progress, "restoring", 0.9)
    made = finish(
        work.ground,
        prompt="",
        seed=0,
        twin={},
        start=start,
        engine=work.net.name,
        faces=faces,
        signer=signer,
        parent=spec.picture,
    )
    if made is None:
        raise MLError("result_refused", "This picture may not be shown.")
    return Restored(made, tuple(told), work.scale, is_flagged=any(is_below(face) for face in told))


def is_below(face: RestoredFace) -> bool:
    return face.identity is not None and face.identity < FLOOR


def check(found: list[Face]) -> list[Face]:
    """The faces that are large enough. Raises MLError when there is none, or too many."""
    if not found:
        raise MLError("no_face", "No face was found in this picture.")
    if len(found) > MOST_FACES:
        raise MLError("several_faces", f"There are more than {MOST_FACES} faces in this picture.")
    large = [face for face in found if width_of(face) >= FACE_LEAST]
    if not large:
        raise MLError("face_too_small", f"The faces are less than {FACE_LEAST:.0f} pixels wide.")
    return large


def begin(
    spec: RestoreSpec, picture: np.ndarray, found: list[Face], restorers: Restorers, faces: Faces
) -> Work:
    """MLError `nothing_to_restore` when the result would be the picture."""
    scale = scale_within(picture.shape, spec.scale)
    good = {face for face in found if is_good(picture, face)}
    if len(good) == len(found) and scale == 1 and not spec.background:
        raise MLError("nothing_to_restore", "The faces in this picture are sharp already.")
    plain = enlarge(picture, scale)
    ground = restorers.pictures(plain) if spec.background else plain.copy()
    return Work(spec, picture, plain, ground, scale, good, restorers.best(), faces)


def scale_within(shape: tuple[int, ...], wanted: int) -> int:
    """The largest scale up to the wanted one whose result is not too large; a larger one where the result
    could not hold the watermark."""
    least = next((s for s in SCALES_OFFERED if s * min(shape[:2]) >= LEAST_SIDE), SCALES_OFFERED[-1])
    fits = [s for s in SCALES_OFFERED if s <= wanted and s * s * shape[0] * shape[1] <= MOST_PIXELS]
    return max(least, *fits) if fits else least


def enlarge(picture: np.ndarray, scale: int) -> np.ndarray:
    if scale == 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def scaled(face: Face, scale: int) -> Face:
    x1, y1, x2, y2 = (v * scale for v in face.box)
    return Face((x1, y1, x2, y2), face.score, tuple((x * scale, y * scale) for x, y in face.points))


@dataclass(frozen=True)
class Work:
    """One picture's restoration. `plain`: the picture, enlarged; `ground`: the result, changed in place;
    `good`: the faces to leave alone."""

    spec: RestoreSpec
    picture: np.ndarray
    plain: np.ndarray
    ground: np.ndarray
    scale: int
    good: set[Face]
    net: FaceRestorer
    faces: Faces

    def restore(self, face: Face) -> RestoredFace:
        before, where = quality(self.picture, face), scaled(face, self.scale)
        square = lay(self.plain, where)
        if face in self.good:
            paste(self.ground, self.plain, square, square.pixels)  # not changed with the background either
            return RestoredFace(face.box, "left_alone", before, before, 1.0, 1.0)
        made = choose(
            square.pixels,
            self.net(square.pixels),
            self._identity(square),
            self.spec.fidelity,
            least=least_fidelity(clearness(self.picture, face), self.net.invents),
        )
        paste(self.ground, self.plain, square, made.pixels)
        after = quality(self.ground, where)
        return RestoredFace(face.box, "restored", before, after, made.identity, made.fidelity)

    def _identity(self, square: Square) -> Identity:
        embedders = self.faces.embedders
        name, vector = embedders.describe(square.pixels, square.face)
        photos, by = np.array(self.spec.references, np.float64), self.spec.embedder
        return Identity(embedders.vector, square.face, name, vector, photos, by)
