"""Edits of one of our own pictures: turn, crop, light, enlarge, and paste a part that was painted again.

Pictures are (H, W, 3) uint8 RGB. The light sliders compute what the CSS filters brightness(), contrast() and
saturate() of the same values compute, so that a page shows the result before it is made. No torch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from ml.errors import MLError

FLIPS = ("", "horizontal", "vertical", "both")
SMALLEST = 192  # px of the shorter side of a result: a smaller one cannot be marked
EDGE = 1.0  # px that a corner of the crop may lie outside of a straightened picture: rounding
PRINT_PIXELS = 24_000_000  # of an enlarged picture at most
SHARPEN = 0.35  # share of the detail that sharpening adds to an enlarged picture
BAND = 256  # rows that are lit at once
SEAM = 1 / 48  # of the mask's longer side: how far a painted part fades into the picture, inside of the mask

ERRORS = {
    "crop_empty": "The part to keep has no size. Draw a frame around what should stay.",
    "crop_outside": "The part to keep lies outside of the picture. Move the frame into the picture.",
    "crop_too_small": "The part to keep is too small. Keep at least 192 pixels on each side.",
    "edit_empty": "Nothing would change. Move a slider or the frame first.",
    "print_too_large": "This picture is already as large as pictures can be made here.",
}


@dataclass(frozen=True)
class Edit:
    """In this order: flip, turn, straighten, crop, light.

    `rotate`: degrees clockwise, 0, 90, 180 or 270. `straighten`: degrees clockwise, -45 to 45, about the
    middle; the picture keeps its size and loses its corners. `crop`: x, y, width, height in pixels of the
    turned picture. Without it the largest part in the middle of the shape `aspect` stays, or of the turned
    picture's own shape. `brightness`, `contrast`, `saturation`: -100 to 100, 0 changes nothing."""

    flip: str = ""
    rotate: int = 0
    straighten: float = 0.0
    crop: tuple[int, int, int, int] | None = None
    aspect: str = ""
    brightness: int = 0
    contrast: int = 0
    saturation: int = 0

    def facts(self) -> dict[str, Any]:
        """Plain JSON of what it changes."""
        found = asdict(self) | {"crop": list(self.crop) if self.crop else None}
        return {name: value for name, value in found.items() if value}

    @property
    def moves(self) -> bool:
        """Whether it changes more than the light."""
        return not self.facts().keys() <= {"brightness", "contrast", "saturation"}


def apply(picture: np.ndarray, edit: Edit) -> np.ndarray:
    """The edited picture. MLError with one of ERRORS."""
    if not edit.facts():
        raise refusal("edit_empty")
    turned = _straightened(_turned(picture, edit), edit.straighten)
    x, y, width, height = frame(turned.shape[1], turned.shape[0], edit)
    if (edit.facts().keys() <= {"crop", "aspect"}) and (height, width) == picture.shape[:2]:
        raise refusal("edit_empty")
    return _lit(turned[y : y + height, x : x + width], edit)


def refusal(code: str) -> MLError:
    return MLError(code, ERRORS[code])


def _turned(picture: np.ndarray, edit: Edit) -> np.ndarray:
    if edit.flip in ("horizontal", "both"):
        picture = picture[:, ::-1]
    if edit.flip in ("vertical", "both"):
        picture = picture[::-1]
    return np.ascontiguousarray(np.rot90(picture, -edit.rotate // 90))


def _straightened(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Turned about its middle; its edge is repeated beyond the old picture."""
    if not degrees:
        return picture
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    size, edge = (width, height), cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(picture, turn, size, flags=cv2.INTER_CUBIC, borderMode=edge), np.uint8)


def frame(width: int, height: int, edit: Edit) -> tuple[int, int, int, int]:
    """x, y, width, height of the part that stays of the turned picture. MLError `crop_*`."""
    if edit.crop is None:
        box = _largest(width, height, edit)
    else:
        box = edit.crop
        _check_inside(width, height, box, edit.straighten)
    if min(box[2:]) < SMALLEST:
        raise refusal("crop_too_small")
    return box


def _largest(width: int, height: int, edit: Edit) -> tuple[int, int, int, int]:
    """The largest frame in the middle of a picture that was turned by a small angle. A frame w x h is inside
    if w cos a + h sin a <= W and w sin a + h cos a <= H."""
    shape = _shape(edit.aspect) or width / height
    angle = math.radians(abs(edit.straighten))
    sin, cos = math.sin(angle), math.cos(angle)
    h = min(width / (shape * cos + sin), height / (shape * sin + cos))
    w, h = min(width, int(shape * h + 1e-6)), min(height, int(h + 1e-6))
    return (width - w) // 2, (height - h) // 2, w, h


def _shape(aspect: str) -> float:
    """Width / height; 0 for none."""
    if not aspect:
        return 0.0
    width, height = map(int, aspect.split(":"))
    return width / height


def _check_inside(width: int, height: int, box: tuple[int, int, int, int], degrees: float) -> None:
    x, y, w, h = box
    if w <= 0 or h <= 0:
        raise refusal("crop_empty")
    if x < 0 or y < 0 or x + w > width or y + h > height:
        raise refusal("crop_outside")
    angle = math.radians(degrees)
    sin, cos = math.sin(angle), math.cos(angle)
    for corner_x in (x - width / 2, x + w - width / 2):
        for corner_y in (y - height / 2, y + h - height / 2):
            back = abs(corner_x * cos + corner_y * sin), abs(corner_y * cos - corner_x * sin)
            if back[0] > width / 2 + EDGE or back[1] > height / 2 + EDGE:
                raise refusal("crop_outside")


def _lit(picture: np.ndarray, edit: Edit) -> np.ndarray:
    """Filter Effects Module Level 1: brightness, contrast and saturate, each clipped."""
    if not (edit.brightness or edit.contrast or edit.saturation):
        return np.ascontiguousarray(picture)
    levels = np.clip(np.arange(256) / 255 * (1 + edit.brightness / 100), 0, 1)
    levels = np.clip((levels - 0.5) * (1 + edit.contrast / 100) + 0.5, 0, 1).astype(np.float32)
    made = np.empty(picture.shape, np.uint8)
    for top in range(0, len(picture), BAND):  # floats of a whole large picture would take a gigabyte
        lit = levels[picture[top : top + BAND]]
        if edit.saturation:
            grey = (lit @ np.array([0.213, 0.715, 0.072], np.float32))[..., None]
            lit = grey + (lit - grey) * np.float32(1 + edit.saturation / 100)
        made[top : top + BAND] = (np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8)
    return made


# ---------------------------------------------------------------- print size


def print_size(width: int, height: int, times: int) -> tuple[int, int]:
    """The size of a picture enlarged `times`, at most PRINT_PIXELS. MLError `print_too_large` when that is
    less than half as large again."""
    k = min(times, math.sqrt(PRINT_PIXELS / (width * height)))
    if k < 1.5:
        raise refusal("print_too_large")
    return round(width * k), round(height * k)


def enlarge(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at `size` (width, height), by Lanczos' filter and a sharpening that adds no halos: no pixel
    leaves the range of those around it."""
    large = cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4)
    k = size[0] / picture.shape[1]
    soft = cv2.GaussianBlur(large, (0, 0), 0.5 * k)
    sharp = cv2.addWeighted(large, 1 + SHARPEN, soft, -SHARPEN, 0)
    around = np.ones((3, 3), np.uint8)
    return np.asarray(np.clip(sharp, cv2.erode(large, around), cv2.dilate(large, around)), np.uint8)


# ---------------------------------------------------------------- a part that was painted again


def paste(original: np.ndarray, painted: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`painted` inside of the mask (H, W) bool, fading into the original at its edge. Outside of the mask no
    pixel changes. Both pictures have the mask's size."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    fade = max(2.0, SEAM * max(mask.shape))
    share = np.clip(inside / fade, 0, 1)[..., None].astype(np.float32)
    mixed = original + share * (painted.astype(np.float32) - original)
    return np.where(mask[..., None], np.clip(mixed + 0.5, 0, 255), original).astype(np.uint8)


def cover(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest part in the middle of the shape of `size` (width, height), at that size."""
    height, width = picture.shape[:2]
    k = max(size[0] / width, size[1] / height)
    w, h = min(width, round(size[0] / k)), min(height, round(size[1] / k))
    x, y = (width - w) // 2, (height - h) // 2
    return fit(picture[y : y + h, x : x + w], size)


def fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The whole picture at `size` (width, height), stretched if its shape differs."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    how = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
