"""The reader: a small net that classifies what a portrait shows (background, clothes, expression), and
captions from it.

It writes the captions of training photos. It is trained on the drawn set (nano/reader_training.py). Captions
leave out uncertain values. A picture that it does not classify as photorealistic, such as most real photos,
gets a plain caption: its other values would be guesses, and the model learns a wrong word in a caption as
part of the person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from ml import vocabulary
from ml.nets.blocks import ResidualBlock, downsample
from ml.types import STYLES

SIDE = 128  # px
SURE = 0.6  # least probability of a value to be used
WEIGHTS = Path(__file__).resolve().parent / "weights" / "reader.safetensors"
FIELDS: dict[str, tuple[str, ...]] = {
    "background": vocabulary.BACKGROUNDS,
    "backdrop": tuple(vocabulary.COLOURS),
    "clothes": vocabulary.CLOTHES,
    "colour": tuple(vocabulary.COLOURS),
    "expression": vocabulary.EXPRESSIONS,
    "glasses": vocabulary.GLASSES,
    "hat": vocabulary.HATS,
    "hat_colour": tuple(vocabulary.COLOURS),
    "light": vocabulary.LIGHTS,
    "style": STYLES,
}
SIZES = [len(names) for names in FIELDS.values()]


class ReaderNet(nn.Module):
    """(B, 3, 128, 128) in -1..1 -> logits of all fields, concatenated."""

    def __init__(self, widths: tuple[int, ...] = (20, 40, 80, 144)):
        super().__init__()
        layers = downsample(3, widths[0], kernel=4)
        for a, b in zip(widths, widths[1:]):
            layers += [*downsample(a, b), ResidualBlock(b)]
        self.body = nn.Sequential(*layers, nn.AvgPool2d(2))
        self.head = nn.Linear(widths[-1] * 16, sum(SIZES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).flatten(1)).float()


def to_input(pictures: list[np.ndarray]) -> torch.Tensor:
    """(H, W, 3) uint8 of any size -> (B, 3, 128, 128), resized to a square."""
    small = [
        p if p.shape[:2] == (SIDE, SIDE) else cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for p in pictures
    ]
    x = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


class Reader:
    """Classifies pictures, and captions training photos by the result."""

    def __init__(self, net: nn.Module):
        self.net = net.eval()

    @classmethod
    def open(cls, path: Path = WEIGHTS, widths: tuple[int, ...] = (20, 40, 80, 144)) -> Reader:
        from safetensors.torch import load_file

        net = ReaderNet(widths)
        net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
        )
        return cls(net)

    @torch.no_grad()
    def read(self, pictures: list[np.ndarray]) -> list[dict[str, tuple[str, float]]]:
        """For each picture: field -> (value, probability)."""
        out = []
        for row in self.net(to_input(pictures)):
            found = {}
            for (field, names), p in zip(FIELDS.items(), row.split(SIZES)):
                p = p.softmax(0)
                found[field] = (names[int(p.argmax())], float(p.max()))
            out.append(found)
        return out

    def __call__(self, crop: np.ndarray, subject: str) -> str:
        """A caption of the certain values: the parts that vary between photos, but not the face."""
        return describe(self.read([crop])[0], subject)


def describe(found: dict[str, tuple[str, float]], subject: str) -> str:
    """The caption of a picture of `subject` from a result of `Reader.read`."""
    say: Any = vocabulary.SAY
    seen = {k: v for k, (v, p) in found.items() if p >= SURE}
    parts = [f"photo of {subject}"]
    if seen.get("style") != "photorealistic":
        return parts[0]
    if "expression" in seen:
        parts.append(say["expression"][seen["expression"]][0])
    if seen.get("background") == "studio":
        parts.append(f"{seen['backdrop']} background" if "backdrop" in seen else "plain background")
    elif "background" in seen:
        parts.append(say["background"][seen["background"]][0])
    if "clothes" in seen:
        clothes = say["clothes"][seen["clothes"]][0].format(seen.get("colour", ""))
        parts.append("wearing a " + " ".join(clothes.split()))
    if seen.get("glasses", "none") != "none":
        parts.append(say["glasses"][seen["glasses"]][0])
    if seen.get("hat", "none") != "none":
        parts.append(" ".join(say["hat"][seen["hat"]][0].format(seen.get("hat_colour", "")).split()))
    if "light" in seen:
        parts.append(say["light"][seen["light"]][0])
    return ", ".join(parts)
