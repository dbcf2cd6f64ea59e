"""The judges: nets that the product does not use. `python -m bench.judges --work DIR` trains them.

The embedder's architecture, seed and people differ from those of the product's embedder, which scores
checkpoints. The reader's widths, seed and pictures differ from those of the product's reader, which writes
captions. Only the benches import this module."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from ml.nano import embedder_training, reader_training
from ml.nano.export import save_net
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock
from ml.nets import reader
from ml.nets.torchvision import ensure_torchvision

FOLDER = Path(__file__).resolve().parent / "weights"
READER_WIDTHS = (16, 32, 64, 112)
SEED = 2


class Plain(torch.nn.Module):
    """Convolutions and pooling without residual paths, averaged over the plane: (B, 3, 96, 96) -> (B, 96)
    unit vectors."""

    def __init__(self, widths: tuple[int, ...] = (20, 40, 80, 120, 160), dim: int = 96):
        super().__init__()
        layers: list[torch.nn.Module] = []
        for a, b in zip((3, *widths), widths):
            layers += [
                torch.nn.Conv2d(a, b, 3, padding=1),
                torch.nn.BatchNorm2d(b),
                torch.nn.ReLU(),
                torch.nn.MaxPool2d(2),
            ]
        self.body = torch.nn.Sequential(*layers)
        self.head = torch.nn.Linear(widths[-1] * 9, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.head(self.body(x).flatten(1)).float(), dim=1)


def load_embedder() -> torch.nn.Module:
    from safetensors.torch import load_file

    net = Plain()
    saved = load_file(need("judge.safetensors"))
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in saved.items()})
    return net.eval()


def need(name: str) -> Path:
    if not (FOLDER / name).is_file():
        sys.exit(f"The judges are not here. Train them first: python -m bench.judges (looks for {name}).")
    return FOLDER / name


def load_reader() -> reader.Reader:
    return reader.Reader.open(need("reader.safetensors"), READER_WIDTHS)


@torch.no_grad()
def vectors(net: torch.nn.Module, heads: list[np.ndarray]) -> np.ndarray:
    """Aligned heads (SIZE, SIZE, 3) -> (N, 96) unit vectors."""
    x = torch.from_numpy(np.stack(heads)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return net(x).numpy()


def train_embedder(work: Path, people: int, steps: int, device: str) -> torch.nn.Module | None:
    first = 100_000  # people from this number on: the product's embedder is not trained on them
    heads = embedder_training.draw_heads(work / "judge-heads.npy", range(first, first + people), 6, seed=SEED)
    return embedder_training.train_embedder(
        work / "judge.pt", Plain(), heads, Clock(None), steps=steps, people=30, device=device, seed=SEED
    )


def train_reader(work: Path, preset: str, steps: int, device: str) -> torch.nn.Module | None:
    return reader_training.train_reader(
        work / "judge-reader.pt",
        work / "pictures",
        reader.ReaderNet(READER_WIDTHS),
        Clock(None),
        first=PRESETS[preset].learnt,
        last=PRESETS[preset].pictures,
        steps=steps,
        batch=64,
        device=device,
        seed=SEED,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, default=Path("var/nano-build/cpu"), help="where the base was built"
    )
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--people", type=int, default=2600)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--reader-steps", type=int, default=1400)
    args = parser.parse_args()
    ensure_torchvision()
    FOLDER.mkdir(exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = train_embedder(args.work, args.people, args.steps, device)
    assert net is not None
    save_net(net, FOLDER / "judge.safetensors")
    seen = train_reader(args.work, args.preset, args.reader_steps, device)
    assert seen is not None
    save_net(seen, FOLDER / "reader.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
