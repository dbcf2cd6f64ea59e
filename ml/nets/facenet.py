"""The embedder of real faces that takes dlib's place where its weights are present: InceptionResnetV1 of
facenet-pytorch (code MIT), trained by its author on VGGFace2.

Its weights do not ship. `python -m ml facenet` writes them and the scale of their distances,
which it measures on the operator's photographs.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from ml.nets.scales import FACENET_SCALE
from ml.nets.torchvision import ensure_torchvision
from ml.types import Face

SIZE, MARGIN = 160, 0.1  # pixels of a chip's side; share of the box added on each side of it
WEIGHTS = Path(__file__).resolve().parent / "weights" / "facenet.safetensors"


def is_present() -> bool:
    return WEIGHTS.exists() and FACENET_SCALE.exists()


def net() -> nn.Module:
    """(B, 3, 160, 160) in -1..1 -> (B, 512) of length 1."""
    ensure_torchvision()
    from facenet_pytorch import InceptionResnetV1

    return InceptionResnetV1(pretrained=None)  # type: ignore[no-any-return]


def chip(picture: np.ndarray, face: Face) -> np.ndarray:
    """(160, 160, 3) uint8: the face's box with a margin, cut at the picture's edges. Does not keep its
    proportions: the net was trained on such chips."""
    (left, top, right, bottom), (height, width) = face.box, picture.shape[:2]
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    rows = slice(max(0, round(top - down)), min(height, round(bottom + down)))
    columns = slice(max(0, round(left - across)), min(width, round(right + across)))
    return cv2.resize(picture[rows, columns], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
