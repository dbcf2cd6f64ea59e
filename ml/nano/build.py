"""Makes the nano base again from nothing: `python -m ml.nano.build [--preset cpu|gpu] [--minutes N] [--work DIR]`.

Stages, each resumable: pictures, codec, critic, reading (text encoders), flow (transformer), embedder, reader, decoder (of the codec,
for faces), export. What is done is not done again; `--minutes` stops cleanly and the same command goes on. With `--fit` it does not
stop but ends in them: stages that need not wait for each other run side by side, for a machine with an accelerator and cores to
spare, and the flow takes as many steps as there is time for. `--start DIR` begins from the weights of an exported base instead of
nothing, to better it. Nothing is downloaded; the seed is fixed. Runs under Python 3.11 and 3.12, torch 2.11 on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ml.nano import critic, data, embedder_training, flow, reader_training, text, text_training, vae
from ml.nano.stage import Clock
from ml.nets import embedder, reader
from ml.nets.torchvision import ensure_torchvision


@dataclass(frozen=True)
class Preset:
    """How much of everything. `shape` is the transformer's and the text encoders'."""

    pixels: int  # the class of picture sizes, see sizes.py
    pictures: int  # drawn
    learnt: int  # all but the codec learn from the first of them, the rest is kept for judges
    coded: int  # the codec learns from the first of them
    vae_steps: int
    vae_batch: int
    decoder_steps: int
    decoder_batch: int
    people: int
    heads: int  # pictures of each
    embedder_steps: int
    reader_steps: int
    reading_steps: int
    critic_steps: int
    flow_steps: int
    flow_batch: int
    flow_rate: float
    compiled: bool
    shape: dict[str, int]


PRESETS = {
    "cpu": Preset(
        128,
        32_000,
        24_000,
        32_000,
        3900,
        12,
        1500,
        4,
        4000,
        6,
        1600,
        2000,
        1500,
        1500,
        14_000,
        32,
        1.5e-3,
        True,
        {"heads": 6, "head": 32, "double": 2, "single": 4, "text": 128, "pooled": 128},
    ),
    "gpu": Preset(
        192,
        60_000,
        56_000,
        8000,
        3000,
        96,
        1500,
        16,
        4000,
        6,
        3000,
        3000,
        1500,
        2000,
        14_000,
        256,
        1.5e-3,
        False,
        {"heads": 6, "head": 32, "double": 2, "single": 4, "text": 192, "pooled": 192},
    ),
    "tiny": Preset(
        128,
        2000,
        2000,
        2000,
        4,
        6,
        3,
        4,
        12,
        4,
        3,
        3,
        3,
        3,
        3,
        4,
        1.5e-3,
        False,
        {"heads": 2, "head": 32, "double": 1, "single": 1, "text": 32, "pooled": 32},
    ),
}


def new_tokenizers() -> tuple[Any, Any]:
    """T5's and CLIP's, learnt from the first 6,000 captions."""
    corpus = [data.words(i, 0) for i in range(6000)]
    return text.new_t5_tokenizer(corpus), text.new_clip_tokenizer(corpus)


def tokenizers(work: Path, start: Path | None) -> tuple[Any, Any]:
    """Those of the base that is begun from, else new ones; kept in `work`, as learning them twice numbers the words anew."""
    from transformers import CLIPTokenizer, T5Tokenizer

    kept = work / "tokenizers"
    if not kept.exists():
        aside = work / "tokenizers.tmp"
        if start:
            for name in ("tokenizer_2", "tokenizer"):
                shutil.copytree(start / name, aside / name)
        else:
            for tokenizer, name in zip(new_tokenizers(), ("tokenizer_2", "tokenizer"), strict=True):
                tokenizer.save_pretrained(aside / name)
        aside.rename(kept)
    return T5Tokenizer.from_pretrained(kept / "tokenizer_2"), CLIPTokenizer.from_pretrained(
        kept / "tokenizer"
    )


def build(
    work: Path,
    out: Path,
    p: Preset,
    clock: Clock,
    device: str,
    start: Path | None = None,
    beside: Beside | None = None,
) -> bool:
    """True when everything is done and exported. What runs `beside` is waited for, and then found done."""
    others = beside or Beside({})
    pair = tokenizers(work, start)
    painter = flow.new_painter(p.shape, *pair)
    if start:
        load_painter(painter, start)
    if not (others.done("pictures") and data.draw_all(work / "pictures", p.pictures, p.pixels, clock)):
        return False
    codec = others.done("codec") and code(work, p, clock, device, start)
    if not codec:
        return False
    latents = flow.cache_latents(codec.to(device), work, p.learnt, device, even=start is None)
    by = critic.train_critic(work, latents, clock, steps=p.critic_steps, batch=96, device=device)
    if by is None or not (start or others.done("reading") and read(work, painter, pair, p, clock, device)):
        return False
    done = flow.train_flow(
        work,
        latents,
        painter,
        pair,
        clock.before(ENDING) if beside else clock,
        steps=p.flow_steps,
        batch=p.flow_batch,
        rate=p.flow_rate,
        device=device,
        compiled=p.compiled,
        fit=beside is not None,
        by=by,
    )
    who = done and others.done("readers") and build_readers(work, out, p, clock, device)
    codec = who and decode(work, codec, who, p, clock, device)
    if not codec:
        return False
    export(out, codec, done, pair, p.pixels)
    return True


def code(work: Path, p: Preset, clock: Clock, device: str, start: Path | None) -> Any:
    """The codec, None when stopped before the end."""
    if start:
        return load_codec(start)
    return vae.train_vae(
        work, clock, last=p.coded, steps=p.vae_steps, whole=0.25, batch=p.vae_batch, device=device
    )


def read(
    work: Path, painter: flow.Painter, pair: tuple[Any, Any], p: Preset, clock: Clock, device: str
) -> bool:
    return text_training.train_reading(
        work, painter, pair, p.learnt, clock, steps=p.reading_steps, batch=64, device=device
    )


def decode(work: Path, codec: Any, who: torch.nn.Module, p: Preset, clock: Clock, device: str) -> Any:
    """The codec, evened out, with a better way out; None when stopped before the end."""
    return vae.train_decoder(
        codec,
        who,
        work,
        clock,
        last=min(p.coded, p.learnt),
        steps=p.decoder_steps,
        batch=p.decoder_batch,
        device=device,
    )


ENDING = 20.0  # seconds that are kept for what comes after the flow
BESIDE = ("pictures", "codec", "reading", "readers")  # the last one the decoder too


class Beside:
    """Stages that run in processes of their own: name -> command."""

    def __init__(self, commands: dict[str, list[str]]):
        env = os.environ | {"OMP_NUM_THREADS": "2"}
        self.runs = {name: subprocess.Popen(command, env=env) for name, command in commands.items()}

    def done(self, name: str) -> bool:
        """Waits for it. False when it was stopped or failed; what is not run here counts as done."""
        return name not in self.runs or self.runs[name].wait() == 0

    def end(self) -> None:
        for run in self.runs.values():
            run.kill()
            run.wait()


def one_stage(name: str, work: Path, out: Path, p: Preset, clock: Clock, device: str) -> bool:
    """One of BESIDE, as soon as what it needs is there."""
    parent = os.getppid()

    def came(ready: Callable[[], bool]) -> bool:
        while not ready():
            if clock.over() or os.getppid() != parent:
                return False
            time.sleep(0.2)
        return True

    needed = {"codec": p.coded, "readers": p.pictures}.get(name, 0)
    if not came(lambda: data.drawn(work / "pictures", needed)):
        return False
    if name == "pictures":
        os.nice(10)
        return data.draw_all(work / "pictures", p.pictures, p.pixels, clock)
    if name == "codec":
        return code(work, p, clock, device, None) is not None
    if name == "reading":
        pair = tokenizers(work, None)
        return read(work, flow.new_painter(p.shape, *pair), pair, p, clock, device)
    who = build_readers(work, out, p, clock, device)
    if who is None or not came((work / "latents.pt").exists):
        return False
    codec = code(work, p, clock, device, None).to(device)
    saved = torch.load(work / "latents.pt", weights_only=True, mmap=True)
    vae.even_out(codec, saved["turn"], saved["middle"])
    return decode(work, codec, who, p, clock, device) is not None


def build_readers(work: Path, out: Path, p: Preset, clock: Clock, device: str) -> torch.nn.Module | None:
    """The embedder and the reader, into the base's directory; gives the embedder, None when stopped before the end."""
    heads = embedder_training.draw_heads(work / "heads.npy", range(p.people), p.heads, seed=1)
    net = embedder_training.train_embedder(
        work / "faces.pt",
        embedder.Net(),
        heads,
        clock,
        steps=p.embedder_steps,
        people=min(30, p.people),
        device=device,
        seed=1,
    )
    if net is None:
        return None
    save_net(net, out / "faces.safetensors")
    seen = reader_training.train_reader(
        work / "reader.pt",
        work / "pictures",
        reader.Net(),
        clock,
        first=0,
        last=p.learnt,
        steps=p.reader_steps,
        batch=64,
        device=device,
        seed=1,
    )
    if seen is None:
        return None
    save_net(seen, out / "reader.safetensors")
    return net


def load_codec(start: Path) -> Any:
    from diffusers import AutoencoderKL

    return (
        AutoencoderKL.from_pretrained(start, subfolder="vae", dtype=torch.float32)
        .eval()
        .requires_grad_(False)
    )


def load_painter(painter: flow.Painter, start: Path) -> None:
    from diffusers import FluxTransformer2DModel
    from transformers import CLIPTextModel, T5EncoderModel

    parts = (
        (painter.transformer, FluxTransformer2DModel, "transformer"),
        (painter.t5, T5EncoderModel, "text_encoder_2"),
        (painter.clip, CLIPTextModel, "text_encoder"),
    )
    for part, kind, folder in parts:
        part.load_state_dict(kind.from_pretrained(start, subfolder=folder, dtype=torch.float32).state_dict())


def export(out: Path, codec: Any, painter: Any, pair: tuple[Any, Any], pixels: int) -> None:
    """FLUX.1 schnell's directory layout, half precision, files of at most 15 MB."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

    half = [m.to("cpu", torch.float16) for m in (codec, painter.clip, painter.t5, painter.transformer)]
    pipe: Any = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1000, shift=1.0, use_dynamic_shifting=False
        ),
        vae=half[0],
        text_encoder=half[1],
        text_encoder_2=half[2],
        transformer=half[3],
        tokenizer=pair[1],
        tokenizer_2=pair[0],
    )
    half[0].register_to_config(_name_or_path="")  # where it was loaded from is nobody's business
    pipe.save_pretrained(out, max_shard_size="15MB")
    (out / "nano.json").write_text(json.dumps({"pixels": pixels}) + "\n")


def save_net(net: torch.nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.cpu().contiguous() for k, v in state.items()}, path)


def main(argv: list[str] | None = None) -> int:
    """0 when all is done, 3 when the minutes ran out: the same command goes on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=PRESETS, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--work", type=Path, help="where stages are kept (var/nano-build/PRESET)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--start", type=Path, help="an exported base to begin from")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--fit", action="store_true", help="end within the minutes, on a machine of its own")
    parser.add_argument("--stage", choices=BESIDE, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int)
    argv = sys.argv[1:] if argv is None else argv
    args = parser.parse_args(argv)
    if args.fit and (args.start or not args.minutes):
        parser.error("--fit needs --minutes, and begins from nothing")
    ensure_torchvision()
    if args.threads:
        torch.set_num_threads(args.threads)
    work = args.work or Path("var/nano-build") / args.preset
    work.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
        torch.backends.cudnn.benchmark = True  # few shapes, many steps
    given = (work, args.out, PRESETS[args.preset], Clock(args.minutes), device)
    if args.stage:
        return 0 if one_stage(args.stage, *given) else 3
    beside = None
    if args.fit:
        again = [sys.executable, "-m", "ml.nano.build", *argv]
        tokenizers(work, None)  # once, before two processes want them
        beside = Beside({name: [*again, "--stage", name] for name in BESIDE})
    try:
        done = build(*given, args.start, beside)
    finally:
        if beside:
            beside.end()
    print("done" if done else "stopped; the same command goes on", flush=True)
    return 0 if done else 3


if __name__ == "__main__":
    sys.exit(main())
