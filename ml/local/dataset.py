"""Turns accepted photos into training examples: crops around the face, latents, face masks, captions, the
photo's id."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from ml import media
from ml.catalogue import Base
from ml.faces import Faces
from ml.local.families import Text, encode_picture, encode_text
from ml.local.latents import pack_mask
from ml.measures import yaw_of
from ml.prompts import TRIGGER
from ml.types import Face, Photo

MOST_ENLARGED = 1.4
HEADROOM = 0.07  # of a crop's half height: distance of the face's middle above the crop's middle
SIDEWAYS = 12.0  # least yaw (degrees) for "looking left/right" in a caption; twice the estimate's error


class Captioner(Protocol):
    def __call__(self, crop: np.ndarray, subject: str) -> str: ...


def plain_caption(crop: np.ndarray, subject: str) -> str:
    """The captioner of bases without a net: the trigger and the class word."""
    return f"photo of {subject}"


@dataclass(frozen=True)
class Example:
    """One crop of one photo, `size` (width, height): latents (1, n, C), weight (1, n, 1) with mean 1, the
    caption and its encoding. `plain` encodes the caption without the trigger, for prior preservation. All
    tensors are on the host, because one text of FLUX.2 klein takes 16 MB."""

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
    """A crop (H, W, 3) of `size` (width, height) around the face, with level eyes if `upright`, and a mask
    of the face in it, (H, W) float 0..1."""
    x1, y1, x2, y2 = face.box
    centre, wide, tall = np.array([x1 + x2, y1 + y2]) / 2, max(x2 - x1, 1), max(y2 - y1, 1)
    (lx, ly), (rx, ry) = face.points[:2]
    roll = np.arctan2(ry - ly, rx - lx) if upright else 0.0
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    half = zoom * tall * max(1.0, size[1] / size[0])  # of the crop's height, in the photo's pixels
    scale = size[1] / (2 * half)
    # The head is above the middle, as in portraits.
    shift = np.array(size) / 2 - scale * (turn @ centre + [0, HEADROOM * half])
    matrix = np.hstack([scale * turn, shift[:, None]])
    source = picture
    if scale < 0.5:  # shrink first: warpAffine samples single pixels and would alias
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
    """The sizes to use a photo at: the smallest, and all that enlarge it by at most MOST_ENLARGED. Enlarged
    photos teach blur."""
    side = 2 * min(zooms) * max(face.box[3] - face.box[1], 1)
    return [size for i, size in enumerate(sizes) if i == 0 or size[1] <= MOST_ENLARGED * side]


def build(
    pipe: Any, base: Base, faces: Faces, photos: tuple[Photo, ...], subject: str, caption: Captioner
) -> list[Example]:
    """All crops of all photos, in all buckets. Photos without a detected face are left out."""
    out = []
    for photo in photos:
        picture = media.to_array(photo.clean)
        found = faces.find(picture)
        if found:
            sizes = buckets(found[0], base.recipe.zooms, base.sizes.train)
            for zoom, size in itertools.product(base.recipe.zooms, sizes):
                crop, mask = crop_around(picture, found[0], size, zoom, upright=base.recipe.upright)
                told = photo.caption or caption(crop, f"{TRIGGER} {subject}") + looking(found[0])
                out.append(_example(pipe, base, photo, crop, mask, told, subject))
    return out


def _example(
    pipe: Any, base: Base, photo: Photo, crop: np.ndarray, mask: np.ndarray, told: str, subject: str
) -> Example:
    device, floor = pipe.device, base.recipe.mask_floor
    pixels = torch.from_numpy(crop).permute(2, 0, 1)[None].float().to(device) / 127.5 - 1
    weight = pack_mask(floor + (1 - floor) * torch.from_numpy(mask)[None].to(device))
    plain = told.replace(f"{TRIGGER} {subject}", f"a {subject}") if base.recipe.prior else None
    return Example(
        photo=photo.id,
        size=(crop.shape[1], crop.shape[0]),
        latents=encode_picture(pipe, base, pixels).float().cpu(),
        weight=(weight / weight.mean()).cpu(),
        text=_encode(pipe, base, told),
        caption=told,
        plain=None if plain is None else _encode(pipe, base, plain),
    )


def looking(face: Face) -> str:
    """The caption's words for a turned face: without them, the turn is learnt as part of the person."""
    yaw = yaw_of(face)
    return "" if abs(yaw) < SIDEWAYS else f", looking {'right' if yaw > 0 else 'left'}"


def _encode(pipe: Any, base: Base, text: str) -> Text:
    return tuple(part.float().cpu() for part in encode_text(pipe, base, text))
