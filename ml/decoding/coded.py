"""Makes sRGB of colours that are told by numbers: other primaries, gamma, PQ and HLG with tone mapping.

Imported where a picture needs it alone: NumPy takes a third of the decoder's start time.

Sources: SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG and its OOTF), BT.2408 (reference white of 203 cd/m2), BT.2390
section 5.4.1 (the knee of the tone mapping), IEC 61966-2-1 (sRGB), Lindbloom (Bradford adaptation).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ml.decoding.primaries import SRGB
from ml.decoding.source import Coding

WHITE = 203.0  # cd/m2 of diffuse white, which becomes the white of sRGB
HLG_PEAK = 1000.0  # cd/m2 of the display that HLG is shown on
HLG_GAMMA = 1.2  # of the OOTF on that display
PQ_PEAK = 10_000.0
HIGHLIGHTS = 99.9  # percentile that counts as the brightest: a few sparks do not darken a picture
BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))


def to_srgb(picture: Image.Image, coding: Coding) -> Image.Image:
    """RGB in sRGB of 8-bit RGB in `coding`. Returns it unchanged where the primaries make no sense."""
    matrix = matrix_to_srgb(coding.primaries)
    if matrix is None:
        return picture
    light = linear(np.asarray(picture), coding)
    if coding.curve in ("pq", "hlg"):
        light = tone_mapped(light)
    return Image.fromarray(encoded(light @ matrix.T.astype(np.float32)))


def linear(values: np.ndarray, coding: Coding) -> np.ndarray:
    """Light (H, W, 3) float32 of values uint8; 1.0 is diffuse white."""
    levels = np.arange(256) / 255
    if coding.curve == "pq":
        return (pq_light(levels) / WHITE).astype(np.float32)[values]
    if coding.curve == "hlg":
        return hlg_display(hlg_scene(levels).astype(np.float32)[values], luminance_of(coding.primaries))
    if coding.curve == "srgb":
        return srgb_light(levels).astype(np.float32)[values]
    return (levels ** float(coding.curve)).astype(np.float32)[values]


def srgb_light(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """uint8 values of sRGB. Colours outside of it are clipped."""
    light = np.clip(light, 0, 1)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (value * 255 + 0.5).astype(np.uint8)


M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_light(value: np.ndarray) -> np.ndarray:
    """cd/m2 of PQ values 0..1: the EOTF of ST 2084."""
    power = value ** (1 / M2)
    return PQ_PEAK * (np.maximum(power - C1, 0) / (C2 - C3 * power)) ** (1 / M1)


def pq_value(light: np.ndarray) -> np.ndarray:
    """PQ values 0..1 of cd/m2."""
    power = (np.maximum(light, 0) / PQ_PEAK) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


def hlg_scene(value: np.ndarray) -> np.ndarray:
    """Scene light 0..1 of HLG values 0..1: the inverse OETF of BT.2100 table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)


def hlg_display(scene: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Light on the display, 1.0 is diffuse white: the OOTF of BT.2100 works on the luminance of the scene."""
    whole = (scene @ luminance.astype(np.float32))[..., None]
    return scene * np.maximum(whole, 1e-6) ** (HLG_GAMMA - 1) * (HLG_PEAK / WHITE)


def tone_mapped(light: np.ndarray) -> np.ndarray:
    """Compresses what is brighter than diffuse white; a picture without highlights stays as it is.

    The curve of BT.2390 maps the picture's own peak to white. It works on the largest of R, G and B and
    scales all three, so that hues are kept.
    """
    largest = np.maximum(light.max(axis=2), 1e-6)
    peak = float(np.percentile(largest, HIGHLIGHTS))
    if peak <= 1:
        return light
    return light * (knee(largest, peak) / largest)[..., None]


def knee(light: np.ndarray, peak: float) -> np.ndarray:
    """The EETF of BT.2390 from 0..peak to 0..1, both in units of diffuse white."""
    top = pq_value(np.array(peak * WHITE))
    most = pq_value(np.array(WHITE)) / top
    start = 1.5 * most - 0.5
    value = np.minimum(pq_value(light * WHITE) / top, 1)
    t = np.maximum(value - start, 0) / (1 - start)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * (1 - start) + (3 * t**2 - 2 * t**3) * most
    )
    return pq_light(np.where(value < start, value, bent) * top) / WHITE


def matrix_to_srgb(primaries: tuple[float, ...]) -> np.ndarray | None:
    """(3, 3): linear RGB in `primaries` to linear sRGB, with the white adapted. None if it makes no sense."""
    try:
        here, srgb = to_xyz(primaries), to_xyz(SRGB)
        cones = BRADFORD @ srgb.sum(axis=1), BRADFORD @ here.sum(axis=1)
        adapted = np.linalg.inv(BRADFORD) @ np.diag(cones[0] / cones[1]) @ BRADFORD
        matrix = np.linalg.inv(srgb) @ adapted @ here
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    return matrix if np.isfinite(matrix).all() and np.abs(matrix).max() < 10 else None


def to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """(3, 3): linear RGB to CIE XYZ; white has Y = 1."""
    white, *colours = (np.array((x / y, 1, (1 - x - y) / y)) for x, y in pairs(primaries))
    columns = np.stack(colours, axis=1)
    return columns * np.linalg.solve(columns, white)


def pairs(primaries: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(primaries[::2], primaries[1::2], strict=True))


def luminance_of(primaries: tuple[float, ...]) -> np.ndarray:
    """(3,): the share of red, green and blue in the luminance; for BT.2020 0.2627, 0.6780, 0.0593."""
    return to_xyz(primaries)[1]
