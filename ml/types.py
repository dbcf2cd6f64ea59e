"""What passes through the door: frozen dataclasses, no torch and no pictures other than bytes.

Boxes are (x1, y1, x2, y2) in pixels of the upright picture. Pictures are encoded bytes. Scores are 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]

PHOTO_CODES = (
    "not_an_image", "unsupported_format", "unreadable", "too_small", "too_large", "no_face", "several_faces",
    "face_too_small", "face_cut_off", "face_hidden", "blurred", "too_dark", "too_bright", "duplicate",
    "other_person", "not_adult", "unsafe",
)  # fmt: skip

ASPECTS = ("1:1", "4:5", "3:4", "2:3", "9:16", "16:9", "3:2")
QUALITIES = ("draft", "standard", "high")
SUBJECTS = ("person", "woman", "man")

# on_progress(stage, share 0..1) -> True asks the work to stop at the next safe point.
Progress = Callable[[str, float], bool]
