"""Makes the nano base again from nothing: `python -m ml.nano.build --work DIR [--minutes N] [--preset cpu|gpu]`.

Stages, each resumable: pictures, codec (VAE), embedder, reader, flow (transformer and text encoders), export. A stage that
is done is not done again; `--minutes` stops cleanly and the same command goes on. Nothing is downloaded; seed 1 throughout.
Needs a C compiler only where torch.compile is asked for (the gpu preset). Runs under Python 3.11 and 3.12, torch 2.11 on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.local.vision import ensure_torchvision
from ml.nano import data, embedder, flow, reader, text, vae
from ml.nano.stage import Clock


@dataclass(frozen=True)
class Preset:
    """How much of everything; `shape` is the transformer's and the text encoders'."""

    pictures: int
    vae_steps: int
    vae_batch: int
    people: int
    heads: int  # pictures a person
    embedder_steps: int
    reader_steps: int
    flow_steps: int
    flow_batch: int
    flow_rate: float
    shape: dict[str, int]


PRESETS = {
    "cpu": Preset(24_000, 3900, 12, 4000, 6, 800, 450, 5000, 32, 1.5e-3,
                  {"heads": 6, "head": 32, "double": 2, "single": 4, "text": 128, "pooled": 128}),
    "gpu": Preset(120_000, 12_000, 48, 8000, 8, 6000, 3000, 16_000, 256, 1.5e-3,
                  {"heads": 4, "head": 64, "double": 3, "single": 6, "text": 192, "pooled": 192}),
    "tiny": Preset(2000, 4, 6, 12, 2, 3, 3, 3, 4, 1.5e-3,
                   {"heads": 2, "head": 32, "double": 1, "single": 1, "text": 32, "pooled": 32}),
}  # fmt: skip


def tokenizers() -> tuple[Any, Any]:
    """The same ones every time: learnt from the first 6,000 captions."""
    corpus = [data.words(i, 0) for i in range(6000)]
    return text.new_t5_tokenizer(corpus), text.new_clip_tokenizer(corpus)


def build(work: Path, out: Path, preset: Preset, clock: Clock, device: str) -> bool:
    """True when everything is done and exported."""
    data.draw_all(work / "pictures", preset.pictures)
    codec = vae.train_vae(work, clock, steps=preset.vae_steps, whole=0.25, batch=preset.vae_batch, device=device)
    if codec is None:
        return False
    heads = embedder.draw_heads(work / "heads.npy", range(preset.people), preset.heads, seed=1)
    net = embedder.train_embedder(
        work / "faces.pt",
        embedder.Net(),
        heads,
        clock,
        steps=preset.embedder_steps,
        people=30,
        device="cpu",
        seed=1,
    )
    if net is None:
        return False
    save_net(net, out / "faces.safetensors")
    seen = reader.train_reader(
        work / "reader.pt", work, reader.Net(), clock, steps=preset.reader_steps, batch=64, seed=1
    )
    if seen is None:
        return False
    save_net(seen, out / "reader.safetensors")
    pair = tokenizers()
    painter = flow.train_flow(work, codec, pair, clock, shape=preset.shape, steps=preset.flow_steps, batch=preset.flow_batch,
                              rate=preset.flow_rate, device=device)  # fmt: skip
    if painter is None:
        return False
    export(out, codec, painter, pair)
    return True


def export(out: Path, codec: Any, painter: Any, pair: tuple[Any, Any]) -> None:
    """FLUX.1 schnell's directory layout, half precision, files of at most 15 MB."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

    half = [m.to("cpu", torch.float16) for m in (codec, painter.clip, painter.t5, painter.transformer)]
    pipe: Any = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0, use_dynamic_shifting=False), vae=half[0],
        text_encoder=half[1], text_encoder_2=half[2], transformer=half[3], tokenizer=pair[1], tokenizer_2=pair[0],
    )  # fmt: skip
    pipe.save_pretrained(out, max_shard_size="15MB")


def save_net(net: torch.nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("var/nano-build"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--preset", choices=PRESETS, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    ensure_torchvision()
    if args.threads:
        torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    done = build(args.work, args.out, PRESETS[args.preset], Clock(args.minutes), device)
    print(json.dumps({"done": done, "numpy": np.__version__, "torch": torch.__version__}))
    return 0 if done else 3


if __name__ == "__main__":
    sys.exit(main())
