"""Measures of a face picture without a model: light, sharpness, pose, and a hash to find duplicates.

Pictures are (H, W, 3) uint8 RGB. Figures called real and drawn: see faces.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ml.types import Face

OUTSIDE = 0.03  # share of the box's width outside the frame: MTCNN guesses that part of the face
BORDER = 0.12  # least distance of eyes, nose, mouth to the frame, in box widths: whole faces have above 0.5

# Light: luma 0..1 (gamma-encoded) over the oval of the face.
# DARK limits the 95th percentile, not the mean, because skin may be dark: the lit part of the darkest drawn
# skin has 0.33, and of a real selfie at night 0.36.
DARK = 0.22
BRIGHT = 0.88  # mean: the fairest drawn skin has 0.64, the brightest real face 0.72
CRUSHED, BLOWN = 0.02, 0.98  # luma without detail: below the first, above the second
CLIPPED = 0.30  # largest share of the face without detail: pupils, beard and highlights take less

# Sharpness, see `sharpness`: real photos have 0.23 to 0.32, drawn 0.30 to 0.38. After a blur of 2 of 160 px
# all are below 0.172. After 1 px most real photos are above the limit: soft, but useful.
BLURRED = 0.175
PATCH = 160  # px: faces are scaled to this width for light and sharpness; it is the least width allowed

SHARP = 0.10  # least sharpness of a face that anybody can recognise: a blur lies near everybody

RIVAL = 0.35  # of the largest face's width: a second face this wide makes it a photo of two people
MOVES_LEAST = 1 / 9  # of the picture's width: smaller faces are lost when they move

# Hints never refuse a photo.
TURNED = 20.0  # degrees of yaw: three times the estimate's error
PROFILE = 50.0  # degrees of yaw: from here on half of the face is not seen, and no embedder judges who it is
NOSE = 0.46  # distance of the nose's tip before the eyes, in eye distances: fits drawn heads (6 degrees rms)
SMILE = 0.88  # mouth width / eye-to-mouth distance: 12 of 20 real smiles, none of 60 real neutral faces


def eyes_and_mouth(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the eyes and of the mouth, x y."""
    five = np.asarray(face.points)
    return five[:2].mean(0), five[3:5].mean(0)


def width_of(face: Face) -> float:
    return face.box[2] - face.box[0]


def is_rival(widths: Sequence[float]) -> bool:
    """Whether a picture with faces this wide, the widest first, shows several people."""
    return len(widths) > 1 and widths[1] >= RIVAL * widths[0]


def clip_fault(widths: Sequence[float], across: float) -> str:
    """Why no clip can begin from a picture `across` wide with faces this wide, the widest first: a code of
    animation.ERRORS, or ""."""
    if not widths:
        return "no_face"
    if is_rival(widths):
        return "several_faces"
    return "face_too_small" if widths[0] < MOVES_LEAST * across else ""


def is_cut_off(face: Face, width: int, height: int) -> bool:
    """Whether the frame (in pixels) cuts through the face. Hair and ears may be outside."""
    x1, y1, x2, y2 = face.box
    five = np.asarray(face.points)
    margin = min(*five.min(0), *(np.array([width, height]) - five.max(0)))
    beyond = max(-x1, -y1, x2 - width, y2 - height)
    return beyond > OUTSIDE * width_of(face) or margin < BORDER * width_of(face)


def face_patch(picture: np.ndarray, face: Face) -> np.ndarray:
    """(h, PATCH, 3) uint8: the box's content, scaled to one width so that measures can be compared."""
    height, width = picture.shape[:2]
    x1, x2 = (int(np.clip(round(x), 0, width)) for x in (face.box[0], face.box[2]))
    y1, y2 = (int(np.clip(round(y), 0, height)) for y in (face.box[1], face.box[3]))
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    part = picture[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    tall = max(1, round(part.shape[0] * PATCH / part.shape[1]))
    how = cv2.INTER_AREA if part.shape[1] > PATCH else cv2.INTER_LINEAR
    return cv2.resize(part, (PATCH, tall), interpolation=how)


def luma(rgb: np.ndarray) -> np.ndarray:
    """(H, W) float32 0..1, Rec. 601 weights on gamma-encoded values."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def oval_of(patch: np.ndarray) -> np.ndarray:
    """(H, W) bool: the face without the corners of its box, which are hair and background."""
    height, width = patch.shape[:2]
    y, x = np.ogrid[:height, :width]
    return ((x / width - 0.5) / 0.42) ** 2 + ((y / height - 0.5) / 0.46) ** 2 < 1


def light_fault(patch: np.ndarray) -> str:
    """ "too_dark", "too_bright" or "" for (H, W, 3) uint8 of a face."""
    light = luma(patch)[oval_of(patch)]
    if np.percentile(light, 95) < DARK or (light < CRUSHED).mean() > CLIPPED:
        return "too_dark"
    return "too_bright" if light.mean() > BRIGHT or (light > BLOWN).mean() > CLIPPED else ""


def sharpness(patch: np.ndarray) -> float:
    """Fine detail over coarse: deviation of the band 0.7..1.4 px over that of 1.4..5.6 px (Gaussian sigmas).

    The ratio does not depend on the face's tone and contrast. Detail finer than 0.7 px is left out, because
    it is the grain of a dim photo. About 0.28 sharp, 0.19 blurred by 1 of 160 px, 0.12 blurred by 2 px.
    """
    y = luma(patch)
    fine, middle, coarse = (cv2.GaussianBlur(y, (0, 0), sigma) for sigma in (0.7, 1.4, 5.6))
    return float((fine - middle).std() / max(float((middle - coarse).std()), 1e-6))


def yaw_of(face: Face) -> float:
    """Degrees, positive towards the picture's right; error about 6 on drawn heads turned by up to 35."""
    left, right, nose = (np.asarray(p) for p in face.points[:3])
    eyes, mouth = eyes_and_mouth(face)
    across = (right - left) / max(float(np.hypot(*(right - left))), 1e-3)
    # From the front, the nose's tip lies on the line from eyes to mouth, a little below its middle.
    offset = (nose - (eyes + 0.55 * (mouth - eyes))) @ across
    return float(np.degrees(np.arctan(offset / max(float((right - left) @ across), 1e-3) / NOSE)))


def quality_of(picture: np.ndarray, face: Face) -> float:
    """How well the face can be compared with others, 0..1: by its size, sharpness and turn. 0: not at all, as
    the embedders are not to be trusted there."""
    size = width_of(face) / PATCH
    sharp = (sharpness(face_patch(picture, face)) - SHARP) / (BLURRED - SHARP)
    front = (PROFILE - abs(yaw_of(face))) / (PROFILE - TURNED)
    return float(np.prod(np.clip([size, sharp, front], 0.0, 1.0)))


def hints_of(faces: list[Face]) -> tuple[str, ...]:
    yaw = yaw_of(faces[0])
    eyes, mouth = eyes_and_mouth(faces[0])
    corners = np.subtract(faces[0].points[4], faces[0].points[3])
    hints = {
        "smiling": np.hypot(*corners) > SMILE * np.hypot(*(mouth - eyes)),
        "turned_left": yaw < -TURNED,
        "turned_right": yaw > TURNED,
        "profile": abs(yaw) >= PROFILE,
        "people_behind": len(faces) > 1,
    }
    return tuple(name for name, seen in hints.items() if seen)


def perceptual_hash(picture: np.ndarray) -> int:
    """64 bits: which low frequencies are above their median (pHash: 8 x 8 of a 32 x 32 DCT of luma)."""
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[1:9, 1:9].ravel()
    return int("".join("1" if v > np.median(low) else "0" for v in low), 2)


def bits_apart(a: int, b: int) -> int:
    """Hamming distance of two hashes, 0..64."""
    return (a ^ b).bit_count()
