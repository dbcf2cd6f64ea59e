"""Sets of primaries and curves by their numbers in ITU-T H.273, which PNG (cICP), HEIC (nclx) and ICC use."""

from __future__ import annotations

from collections.abc import Sequence

from ml.decoding.source import Coding

D65 = 0.3127, 0.3290
SRGB = *D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060
# H.273 table 2: CIE xy of white, red, green, blue.
PRIMARIES = {
    1: SRGB,  # BT.709
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),  # BT.470 M
    5: (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),  # BT.601, 625 lines
    6: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601, 525 lines
    7: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020, BT.2100
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI-P3
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# H.273 table 3. Still pictures in the curves of SDR video (1, 6, 14, 15) are meant to be shown as sRGB.
CURVES: dict[int, str | float] = {4: 2.2, 5: 2.8, 8: 1.0, 16: "pq", 18: "hlg"}
ADOBE_RGB = Coding((*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)  # Adobe RGB (1998), 4.3


def by_code(primaries: int, transfer: int) -> Coding | None:
    """None for sRGB, for what is unspecified and for what is unknown: the picture is then shown as sRGB."""
    coding = Coding(PRIMARIES.get(primaries, SRGB), CURVES.get(transfer, "srgb"))
    return None if coding == Coding(SRGB, "srgb") else coding


def is_near(xy: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) < 0.004 for a, b in zip(xy, other, strict=True))
