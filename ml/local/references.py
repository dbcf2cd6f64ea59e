"""Pictures that a rendering begins from: read, screened, brought to a size that the base renders, and the
result brought back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ml import edit, media, regions, safety
from ml.catalogue import Base
from ml.errors import MLError
from ml.local.repaint import Start
from ml.local.sample import Made, Raw, Sampler
from ml.types import Face, RenderSpec, Store

AROUND, LIKE = 0.06, 12.0  # of the longest side around a mask; most mean difference there, levels
ALIKE = 0.04  # a base's own size is taken if its shape differs by at most this share
ERRORS = {
    "reference_gone": "The picture that this begins from was deleted. Choose another one.",
    "reference_not_allowed": "This picture cannot be used as a start. Choose another one.",
    "mask_wrong_size": "The mask is not as large as the picture. Paint it over the whole picture again.",
    "mask_empty": "Nothing is marked. Paint over the part that should change.",
    "part_not_found": "No face was found, so this part is not known. Paint over the part that should change.",
}


class Finder(Protocol):
    """Finds faces, see ml.faces.Faces."""

    def find(self, picture: np.ndarray) -> list[Face]: ...


@dataclass(frozen=True)
class Reference:
    """`picture`: (H, W, 3) uint8, decoded from the file `data`. `mask`: (H, W) bool, True where it is painted
    again; None for image-to-image."""

    data: bytes
    picture: np.ndarray
    mask: np.ndarray | None = None


def read(spec: RenderSpec, store: Store | None, faces: Finder) -> Reference | None:
    """What the spec begins from; None without a reference. MLError with one of ERRORS."""
    if spec.reference is None:
        return None
    data = _file(spec.reference, store)
    picture = media.to_array(data)
    verdict = safety.screen_picture(picture)
    if verdict.label == "unavailable":
        raise MLError("screening_unavailable", "Pictures cannot be checked now. Try again in some minutes.")
    if not verdict.safe:
        raise refusal("reference_not_allowed")
    return Reference(data, picture, _mask(spec, store, picture, faces) if spec.repairs else None)


def refusal(code: str) -> MLError:
    return MLError(code, ERRORS[code])


def _file(name: str, store: Store | None) -> bytes:
    if store is None or not store.exists(name):
        raise refusal("reference_gone")
    return store.read(name)


def _mask(spec: RenderSpec, store: Store | None, picture: np.ndarray, faces: Finder) -> np.ndarray:
    height, width = picture.shape[:2]
    if spec.region:
        found = faces.find(picture)
        if not found:
            raise refusal("part_not_found")
        mask = regions.mask_of(spec.region, found[0], picture)
    else:
        mask = media.to_array(_file(spec.mask or "", store))[..., 0] > 127
    if mask.shape != (height, width):
        raise refusal("mask_wrong_size")
    if not mask.any():
        raise refusal("mask_empty")
    return mask


def start_of(reference: Reference, spec: RenderSpec, base: Base) -> Start:
    """For image-to-image the middle of the reference in the wanted shape; for a repair all of it."""
    if reference.mask is None:
        size = base.sizes.by_aspect[spec.aspect]
        return Start(edit.cover(reference.picture, size), spec.strength)
    height, width = reference.mask.shape
    size = size_like(base, width, height)
    small = edit.fit(reference.mask.astype(np.uint8) * 255, size) > 0
    return Start(edit.fit(reference.picture, size), spec.strength, small)


def size_like(base: Base, width: int, height: int) -> tuple[int, int]:
    """The base's size of this shape, or one of as many pixels whose sides are multiples of 16."""
    shape = width / height
    found = min(base.sizes.by_aspect.values(), key=lambda size: abs(math.log(size[0] / size[1] / shape)))
    if abs(math.log(found[0] / found[1] / shape)) <= ALIKE:
        return found
    square = base.sizes.by_aspect["1:1"]
    area, shape = square[0] * square[1], min(3.0, max(1 / 3, shape))
    return round(math.sqrt(area * shape) / 16) * 16, round(math.sqrt(area / shape) / 16) * 16


def delivered(
    reference: Reference | None, sampler: Sampler, raw: Raw, seed: int, text: str, longest: int | None
) -> Made:
    """The delivered picture, sampled from `text`. A part that is laid into a picture is drawn only where the
    drawing goes on as the picture does around it."""
    made = sampler.deliver(raw, seed, text, begun=reference is not None)
    if reference is None or reference.mask is None:
        return made._replace(picture=finished(reference, made.picture, longest))
    painted = made.picture if goes_on(reference, made.picture) else sampler.exact(raw)
    return Made(finished(reference, painted, longest))


def goes_on(reference: Reference, painted: np.ndarray) -> bool:
    """Whether what was painted is like the reference close to its mask."""
    assert reference.mask is not None
    mask, (height, width) = reference.mask.astype(np.uint8), reference.mask.shape
    reach = max(3, round(AROUND * max(height, width)))
    around = (cv2.dilate(mask, np.ones((reach, reach), np.uint8)) > mask)[..., None]
    away = cv2.absdiff(edit.fit(painted, (width, height)), reference.picture)
    return float(np.mean(away, where=around)) <= LIKE if around.any() else True


def finished(reference: Reference | None, painted: np.ndarray, longest: int | None) -> np.ndarray:
    """The delivered picture of what the base painted. A repaired picture keeps its size, and its pixels
    outside of the mask."""
    if reference is None or reference.mask is None:
        return media.within(painted, longest)
    height, width = reference.mask.shape
    return edit.paste(reference.picture, edit.fit(painted, (width, height)), reference.mask)
