"""A picture in sRGB, and the same picture in other colour spaces by their published formulas."""

from __future__ import annotations

import io

import numpy as np
import pillow_heif

from bench.odd_icc import SRGB, Primaries, to_xyz
from ml import media


def scene(width: int = 560, height: int = 528) -> np.ndarray:
    """(H, W, 3) sRGB 0..1: smooth, no colour at its limit, so that every space here holds it."""
    x, y = np.meshgrid(np.linspace(0.15, 0.85, width), np.linspace(0.2, 0.8, height))
    return np.stack([x, y, (x + y) / 2], axis=2)


def light_of(value: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values: IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def value_of(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def light_in(primaries: Primaries, picture: np.ndarray) -> np.ndarray:
    """Linear light in other primaries with the white of sRGB."""
    return light_of(picture) @ (np.linalg.inv(to_xyz(primaries)) @ to_xyz(SRGB)).T


def pq(light: np.ndarray) -> np.ndarray:
    """ST 2084: values of cd/m2."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (np.maximum(light, 0) / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def hlg(light: np.ndarray) -> np.ndarray:
    """BT.2100: values of cd/m2 in BT.2020 on a display of 1000 cd/m2: the inverse OOTF and the OETF."""
    shares = np.array((0.2627, 0.6780, 0.0593))
    shown = np.maximum(light, 0) / 1000
    scene_light = shown * np.maximum(shown @ shares, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = a * np.log(np.maximum(12 * scene_light - b, 1e-9)) + c
    return np.where(scene_light <= 1 / 12, np.sqrt(3 * scene_light), bright)


def levels(picture: np.ndarray, bits: int) -> np.ndarray:
    return np.round(np.clip(picture, 0, 1) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def stored(turn: int, picture: np.ndarray) -> np.ndarray:
    """The rows and columns that a file stores for each orientation: TIFF 6.0, page 36."""
    return {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.swapaxes(0, 1),
        6: np.rot90(picture),
        7: np.rot90(picture, 2).swapaxes(0, 1),
        8: np.rot90(picture, -1),
    }[turn]


def heic(values: np.ndarray, primaries: int, transfer: int, matrix: int = 9) -> bytes:
    """10-bit HEIC of (H, W, 3) 0..1 that tells its colours by nclx alone."""
    out = io.BytesIO()
    height, width, _ = values.shape
    pillow_heif.encode(
        "RGB;16",
        (width, height),
        levels(values, 16).tobytes(),
        out,
        quality=95,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=matrix,
        full_range_flag=1,
    )
    return out.getvalue()


def apart(data: bytes, wanted: np.ndarray) -> float:
    """The mean difference, in levels of 255, between the clean copy of `data` and (H, W, 3) sRGB 0..1."""
    return float(np.abs(media.to_array(media.clean(data).jpeg) - wanted * 255).mean())
