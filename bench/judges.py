"""Who judges: nets that the product never sees. `python -m bench.judges --work DIR` trains them.

An embedder and a reader of other widths, another seed and other training people than those that write captions and choose
checkpoints. Imported by the benches alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from ml.local.vision import ensure_torchvision
from ml.nano import embedder, reader
from ml.nano.build import save_net
from ml.nano.stage import Clock

FOLDER = Path(__file__).resolve().parent / "weights"
EMBEDDER_WIDTHS, READER_WIDTHS, DIM = (16, 32, 64, 96, 144), (16, 32, 64, 112), 96
SEED = 2


def new_embedder() -> torch.nn.Module:
    return embedder.Net(EMBEDDER_WIDTHS, DIM)


def load_embedder() -> torch.nn.Module:
    from safetensors.torch import load_file

    net = new_embedder()
    net.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load_file(FOLDER / "judge.safetensors").items()}
    )
    return net.eval()


def load_reader() -> reader.Reader:
    return reader.Reader.open(FOLDER / "reader.safetensors", READER_WIDTHS)


@torch.no_grad()
def vectors(net: torch.nn.Module, heads: list[np.ndarray]) -> np.ndarray:
    """Aligned heads (SIZE, SIZE, 3) -> (N, DIM) unit vectors."""
    x = torch.from_numpy(np.stack(heads)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return net(x).numpy()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("var/nano-build"))
    parser.add_argument("--people", type=int, default=2600)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--reader-steps", type=int, default=700)
    args = parser.parse_args()
    ensure_torchvision()
    FOLDER.mkdir(exist_ok=True)
    heads = embedder.draw_heads(args.work / "judge-heads.npy", range(100_000, 100_000 + args.people), 6, seed=SEED)
    net = embedder.train_embedder(args.work / "judge.pt", new_embedder(), heads, Clock(None), steps=args.steps, people=30,
                                  device="cpu", seed=SEED)  # fmt: skip
    assert net is not None
    save_net(net, FOLDER / "judge.safetensors")
    seen = reader.train_reader(
        args.work / "judge-reader.pt",
        args.work,
        reader.Net(READER_WIDTHS),
        Clock(None),
        steps=args.reader_steps,
        batch=64,
        seed=SEED,
    )
    assert seen is not None
    save_net(seen, FOLDER / "reader.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
