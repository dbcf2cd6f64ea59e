"""The faces of an enlarged picture: those that are small and soft there are restored, if it stays the person.

Pictures are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

import numpy as np

from ml.faces import Faces
from ml.measures import width_of
from ml.restore.choosing import FLOOR, KEPT, Chosen, Identity, choose, least_fidelity
from ml.restore.paste import SIDE, Square, lay, paste
from ml.restore.quality import clearness, is_good
from ml.restore.restorers import FaceRestorer
from ml.restore.restoring import FACE_LEAST, MOST_FACES
from ml.types import Face

# px of a face's width: in a larger one the restorer's square has less detail than the picture.
WIDEST = 0.75 * SIDE


def clear_faces(large: np.ndarray, *, faces: Faces, net: FaceRestorer) -> tuple[np.ndarray, int]:
    """The enlarged picture, and how many of its faces were made clearer. A face that might then show somebody
    else stays as it is, and so does one without an embedder that could tell."""
    made, done = large.copy(), 0
    for face in faces.find(large)[:MOST_FACES]:
        if not is_small_and_soft(large, face):
            continue
        square = lay(large, face)
        chosen = _restored(square, clearness(large, face), faces, net)
        if chosen is not None and (chosen.identity or 0.0) >= KEPT:
            paste(made, large, square, chosen.pixels)
            done += 1
    return made, done


def is_small_and_soft(picture: np.ndarray, face: Face) -> bool:
    return FACE_LEAST <= width_of(face) <= WIDEST and not is_good(picture, face)


def _restored(square: Square, clear: float, faces: Faces, net: FaceRestorer) -> Chosen | None:
    """None where the restorer's own face shows somebody else: then no blend of it is shown either."""
    name, vector = faces.embedders.describe(square.pixels, square.face)
    nobody = np.empty((0, 0))
    identity = Identity(faces.embedders.vector, square.face, name, vector, nobody, "")
    restored, least = net(square.pixels), least_fidelity(clear, net.invents)
    if (identity.kept(restored) or 0.0) < FLOOR:
        return None
    return choose(square.pixels, restored, identity, None, least=least)
