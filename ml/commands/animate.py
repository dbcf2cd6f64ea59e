"""`python -m ml animate`: a clip of a picture, or of words."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml import media
from ml.animation import SECONDS, AnimateSpec, Clip, refusal
from ml.begin_clip import SHORTEST
from ml.catalogue import base_of, video_of
from ml.commands import options
from ml.commands.hosted import add_agreement, check_agreement
from ml.commands.output import Bar, answer, say
from ml.commands.pictures import open_engine, render_spec
from ml.errors import MLError
from ml.local.weights import FolderStore
from ml.motions import MOTIONS
from ml.remote.rendering import MemoryStore
from ml.words import screening

PICTURE, TWIN = "picture", "twin"  # their names in the store


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("picture", type=Path, nargs="?", help="what it begins from; else one is made of --prompt")
    p.add_argument("--motion", choices=MOTIONS, default="")
    p.add_argument("--action", default="", help="the movement in words, instead of --motion")
    p.add_argument("--seconds", type=int, choices=SECONDS, default=SECONDS[0])
    p.add_argument("--twin", type=Path, help="the LoRA file")
    options.add_subject(p)
    options.add_picture(p, one=True)
    options.add_engine(p)
    add_agreement(p)


def run(args: argparse.Namespace) -> None:
    if video_of(base_of(args.profile)) is None:
        raise refusal("engine_without_video")
    store = read(args)
    check_agreement(args, twin=bool(args.twin), clip=True)
    bar = Bar()
    try:
        made = open_engine(args).animate(spec_of(args), store=store, on_progress=bar)
    finally:
        bar.close()
    out, path = FolderStore(args.out), args.out / f"clip-{made.seed}.mp4"
    out.write(path.name, made.mp4)
    out.write(f"clip-{made.seed}.jpg", made.poster)
    answer(args, row(str(path), made))
    say(args, f"{path}  likeness {made.likeness:.2f}" if made.likeness is not None else str(path))


def read(args: argparse.Namespace) -> MemoryStore:
    """The twin's file, and a clean copy of the picture. MLError `no_such_file`, `lora_missing`,
    `prompt_refused`, and those of photos."""
    store = MemoryStore()
    if args.twin:
        store.files[TWIN] = file_of(args.twin, "lora_missing")
    if args.picture:
        photo = file_of(args.picture, "no_such_file")
        store.files[PICTURE] = media.clean(photo, min_side=SHORTEST).jpeg
    else:
        screening.refuse_prompt(args.prompt, args.negative)
    return store


def file_of(path: Path, code: str) -> bytes:
    if not path.is_file():
        raise MLError(code, f"There is no file {path}.")
    return path.read_bytes()


def spec_of(args: argparse.Namespace) -> AnimateSpec:
    first = render_spec(args, TWIN if args.twin else None, None)
    first = replace(first, reference=PICTURE if args.picture else None)
    motion = args.motion or ("" if args.action else "smile")
    return AnimateSpec(first, motion, args.action, args.seconds, args.seed)


def row(path: str, made: Clip) -> dict[str, Any]:
    names = ["motion", "seed", "width", "height", "frames", "seconds", "likeness", "likeness_low", "holds"]
    names += ["faces", "steadiness", "safety", "mark", "engine", "tries"]
    return {"path": path} | {name: getattr(made, name) for name in names}
