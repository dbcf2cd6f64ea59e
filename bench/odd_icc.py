"""Writes ICC profiles for tests and bench.hostile: any primaries and curve under any name."""

from __future__ import annotations

import struct

import numpy as np

SRGB = ((0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))  # CIE xy of white, red, green, blue
P3 = ((0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = ((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
BT2020 = ((0.3127, 0.3290), (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
D50 = np.array((0.9642, 1.0, 0.8249))
BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
Primaries = tuple[tuple[float, float], ...]
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def to_xyz(primaries: Primaries) -> np.ndarray:
    """(3, 3): linear RGB to XYZ, without adaptation."""
    white, *colours = [np.array((x / y, 1, (1 - x - y) / y)) for x, y in primaries]
    columns = np.stack(colours, axis=1)
    return columns * np.linalg.solve(columns, white)


def to_d50(primaries: Primaries) -> np.ndarray:
    columns = to_xyz(primaries)
    scale = (BRADFORD @ D50) / (BRADFORD @ columns.sum(axis=1))
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ columns


def curve(shape: float | tuple[float, ...] | str) -> bytes:
    """`shape`: an exponent, the five numbers of a parametric curve, or "table": sRGB in 1024 steps."""
    if shape == "table":
        light = np.arange(1024) / 1023
        light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
        return b"curv" + struct.pack(">II1024H", 0, 1024, *np.round(light * 65535).astype(int).tolist())
    if isinstance(shape, tuple):
        numbers = [round(value * 65536) for value in shape]
        return b"para" + struct.pack(">IHH5i", 0, 3, 0, *numbers)
    assert not isinstance(shape, str)
    if shape == 1.0:
        return b"curv" + struct.pack(">II", 0, 0)
    return b"curv" + struct.pack(">IIH", 0, 1, round(shape * 256))


def xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values.tolist()))


def text(name: str) -> bytes:
    raw = name.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(raw), 28) + raw


def profile(
    primaries: Primaries = SRGB,
    shape: float | tuple[float, ...] | str = SRGB_CURVE,
    *,
    name: str = "A profile",
    grey: bool = False,
    more: dict[bytes, bytes] | None = None,
) -> bytes:
    """A display profile of version 4.3, of RGB by matrix and curves or of grey by one curve."""
    tags = {b"desc": text(name), b"cprt": text("none"), b"wtpt": xyz(D50), **(more or {})}
    if grey:
        tags[b"kTRC"] = curve(shape)
    else:
        for letter, column in zip("rgb", to_d50(primaries).T, strict=True):
            tags[f"{letter}XYZ".encode()] = xyz(column)
            tags[f"{letter}TRC".encode()] = curve(shape)
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, raw in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(raw))
        body += raw + bytes(-len(raw) % 4)
    space = b"GRAY" if grey else b"RGB "
    head = struct.pack(
        ">I4sI4s4s4s", 128 + len(table) + len(body), b"none", 0x04300000, b"mntr", space, b"XYZ "
    )
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0") + xyz(D50)[8:]
    return head.ljust(128, b"\0") + table + body
