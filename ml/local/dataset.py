"""From accepted photos to what the trainer eats: crops around the face, latents, face masks and captions, by photo id."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from ml import media
from ml.faces import Faces
from ml.local.bases import Base
from ml.local.families import Text
from ml.local.flux import encode_picture, encode_text, pack_mask
from ml.measures import yaw_of
from ml.types import Face, Photo

TRIGGER = "ohwx"
MOST_ENLARGED = 1.4
HEADROOM = 0.07  # how far the middle of the face lies above that of a crop, in half its height
SIDEWAYS = 12.0  # degrees of yaw from which a caption says where the face looks: twice the estimate's error


class Captioner(Protocol):
    def __call__(self, crop: np.ndarray, subject: str) -> str: ...


def plain_caption(crop: np.ndarray, subject: str) -> str:
    """Where no captioner is at hand: the trigger and the class word."""
    return f"photo of {subject}"


@dataclass(frozen=True)
class Example:
    """One crop of one photo, `size` (width, height). latents (1, n, C), weight (1, n, 1) with mean 1, and its caption's encoding; `plain` is that of the
    caption without the trigger, where the recipe asks for it. On the host: on FLUX.2 klein a text alone is 16 MB."""

    photo: str
    size: tuple[int, int]
    latents: torch.Tensor
    weight: torch.Tensor
    text: Text
    caption: str
    plain: Text | None = None


def crop_around(
    picture: np.ndarray, face: Face, size: tuple[int, int], zoom: float, *, upright: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A crop (H, W, 3) of `size` (width, height) around the face, its eyes level if `upright`, and where the face is in it,
    (H, W) float 0..1."""
    x1, y1, x2, y2 = face.box
    centre, wide, tall = np.array([x1 + x2, y1 + y2]) / 2, max(x2 - x1, 1), max(y2 - y1, 1)
    (lx, ly), (rx, ry) = face.points[:2]
    roll = np.arctan2(ry - ly, rx - lx) if upright else 0.0
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    half = zoom * tall * max(1.0, size[1] / size[0])  # of the crop's height, in the photo's pixels
    scale = size[1] / (2 * half)
    # Head in the upper middle, as portraits are framed.
    shift = np.array(size) / 2 - scale * (turn @ centre + [0, HEADROOM * half])
    matrix = np.hstack([scale * turn, shift[:, None]])
    source = picture
    if scale < 0.5:  # a warp reads single pixels: shrink first
        source = cv2.resize(picture, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] = 0.5 * turn
    crop = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    yy, xx = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    fx, fy = scale * (turn @ centre - [0, 0.08 * tall]) + shift
    d = np.hypot((xx - fx) / (0.62 * wide * scale + 1e-3), (yy - fy) / (0.72 * tall * scale + 1e-3))
    return crop, np.clip((1.25 - d) / 0.35, 0, 1).astype(np.float32)


def buckets(
    face: Face, zooms: tuple[float, ...], sizes: tuple[tuple[int, int], ...]
) -> list[tuple[int, int]]:
    """The sizes that a photo is good for: what would be enlarged more than MOST_ENLARGED times teaches blur. The smallest always."""
    side = 2 * min(zooms) * max(face.box[3] - face.box[1], 1)
    return [size for i, size in enumerate(sizes) if i == 0 or size[1] <= MOST_ENLARGED * side]


def build(
    pipe: Any, base: Base, faces: Faces, photos: tuple[Photo, ...], subject: str, caption: Captioner
) -> list[Example]:
    """Every photo's crops, in every bucket that it is good for. Photos in which no face is found any more are left out."""
    recipe, device = base.recipe, pipe.device
    out = []
    for photo in photos:
        picture = media.to_array(photo.clean)
        found = faces.find(picture)
        if not found:
            continue
        for zoom, size in itertools.product(recipe.zooms, buckets(found[0], recipe.zooms, base.sizes.train)):
            crop, mask = crop_around(picture, found[0], size, zoom, upright=recipe.upright)
            pixels = torch.from_numpy(crop).permute(2, 0, 1)[None].float().to(device) / 127.5 - 1
            weight = recipe.mask_floor + (1 - recipe.mask_floor) * torch.from_numpy(mask)[None].to(device)
            weight = pack_mask(weight)
            told = caption(crop, f"{TRIGGER} {subject}") + looking(found[0])
            plain = (
                _encode(pipe, base, told.replace(f"{TRIGGER} {subject}", f"a {subject}"))
                if recipe.prior
                else None
            )
            latents, weight = encode_picture(pipe, base, pixels).float().cpu(), (weight / weight.mean()).cpu()
            out.append(Example(photo.id, size, latents, weight, _encode(pipe, base, told), told, plain))
    return out


def looking(face: Face) -> str:
    """What a caption adds of a face that is turned: said, it is not learnt as part of the person."""
    yaw = yaw_of(face)
    return "" if abs(yaw) < SIDEWAYS else f", looking {'right' if yaw > 0 else 'left'}"


def _encode(pipe: Any, base: Base, text: str) -> Text:
    return tuple(part.float().cpu() for part in encode_text(pipe, base, text))
