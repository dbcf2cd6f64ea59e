"""The nano base's picture sizes, by the pixel class of its training: (width, height), multiples of
16."""

from __future__ import annotations

import json
from pathlib import Path

SIZES = {
    128: {
        "1:1": (128, 128),
        "4:5": (112, 144),
        "3:4": (96, 128),
        "2:3": (96, 144),
        "9:16": (80, 144),
        "16:9": (144, 80),
        "3:2": (144, 96),
    },
    192: {
        "1:1": (192, 192),
        "4:5": (176, 224),
        "3:4": (144, 192),
        "2:3": (144, 208),
        "9:16": (128, 224),
        "16:9": (224, 128),
        "3:2": (208, 144),
    },
}
ENLARGE = {128: 4, 192: 3}  # delivered at 512 to 576 pixels


def pixels_of(weights: Path) -> int:
    """The pixel class of a nano checkpoint, from its `nano.json`."""
    file = weights / "nano.json"
    return int(json.loads(file.read_text())["pixels"]) if file.is_file() else 128
