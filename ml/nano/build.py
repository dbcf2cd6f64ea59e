"""Builds the nano base from scratch: `python -m ml.nano.build [--preset cpu|gpu] [--minutes N] [--work DIR]`.

Stages: pictures, VAE, critic, text encoders, flow (the transformer), embedder, reader, decoder (of the VAE,
for faces), export, and last the base's own decoder for pictures at the delivered size. `--stage decoder`
trains only that, for the base in --out, on drawings that it makes first. Every stage can be resumed:
`--minutes` stops cleanly, and the same command continues. With `--fit` the build finishes within the minutes:
independent stages run in parallel, the flow takes as many steps as there is time for, and the own decoder is
left out. This needs an accelerator and free cores. `--start DIR` continues from an exported base. Nothing is
downloaded; the seed is fixed. Runs under Python 3.11 and 3.12, torch 2.11 and later.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from ml.nano.export import export
from ml.nano.latents import cache_latents
from ml.nano.parallel import STAGES, Parallel, run_stage
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock
from ml.nano.steps import Steps
from ml.nets.alignment import WEIGHTS as FACE_WEIGHTS
from ml.nets.torchvision import ensure_torchvision

OUT = Path(__file__).parent / "weights"
NETS = FACE_WEIGHTS.parent
ENDING = 20.0  # seconds reserved for the stages after the flow


def build(steps: Steps, parallel: Parallel | None = None) -> bool:
    """Runs the stages; True when all are done and exported. Waits for the stages that run in
    `parallel`."""
    others = parallel or Parallel({})
    pair = steps.tokenizers()
    model = steps.model(pair)
    if not (others.done("pictures") and steps.draw()):
        return False
    vae = others.done("vae") and steps.vae()
    if not vae:
        return False
    latents = cache_latents(
        vae.to(steps.device), steps.work, steps.preset.learnt, steps.device, even=steps.start is None
    )
    critic = steps.critic(latents)
    if critic is None or not (steps.start or others.done("text") and steps.text(model, pair)):
        return False
    until = steps.clock.before(ENDING) if parallel else steps.clock
    trained = steps.flow(model, pair, latents, critic, until=until, fit=parallel is not None)
    embedder = trained and others.done("readers") and steps.readers()
    vae = embedder and steps.decoder(vae, embedder)
    if not trained or not vae:
        return False
    export(steps.out, vae, trained, pair, steps.preset.pixels)
    return parallel is not None or steps.own_decoder()


def main(argv: list[str] | None = None) -> int:
    """Returns 0 when all is done, 3 when the time ran out; the same command then continues."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    ensure_torchvision()
    steps = prepare(args)
    if args.stage == "decoder":
        return 0 if steps.own_decoder() else 3
    if args.stage:
        return 0 if run_stage(args.stage, steps) else 3
    parallel = None
    if args.fit:
        again = [sys.executable, "-m", "ml.nano.build", *argv]
        steps.tokenizers()  # created before the processes start, or two of them would create them
        parallel = Parallel({name: [*again, "--stage", name] for name in STAGES})
    try:
        done = build(steps, parallel)
    finally:
        if parallel:
            parallel.end()
    print("done" if done else "stopped; the same command goes on", flush=True)
    return 0 if done else 3


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=PRESETS, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--work", type=Path, help="where stages are kept (var/nano-build/PRESET)")
    parser.add_argument("--out", type=Path, help="where the base goes (ml/nano/weights)")
    parser.add_argument("--start", type=Path, help="an exported base to begin from")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--fit", action="store_true", help="end within the minutes, on a machine of its own")
    parser.add_argument(
        "--stage", choices=(*STAGES, "decoder"), help="only this stage; --fit starts the others"
    )
    parser.add_argument("--threads", type=int)
    args = parser.parse_args(argv)
    if args.fit and (args.start or not args.minutes):
        parser.error("--fit needs --minutes, and begins from nothing")
    return args


def prepare(args: argparse.Namespace) -> Steps:
    """Makes the directories and sets up torch. With --out, the run-time nets go into its subfolder
    `nets`."""
    if args.threads:
        torch.set_num_threads(args.threads)
    work = args.work or Path("var/nano-build") / args.preset
    out, nets = (args.out, args.out / "nets") if args.out else (OUT, NETS)
    for folder in (work, out, nets):
        folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32
        torch.backends.cudnn.benchmark = True  # few shapes, many steps
    return Steps(work, out, nets, PRESETS[args.preset], Clock(args.minutes), device, args.start)


if __name__ == "__main__":
    sys.exit(main())
