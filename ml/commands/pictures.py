"""Renders pictures for commands and writes each as soon as it is done."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ml.avatar.avatar import LABEL
from ml.catalogue import base_of
from ml.commands.hosted import open_hosted
from ml.commands.output import say
from ml.engine import Engine
from ml.errors import MLError
from ml.faces import Faces
from ml.local.engine import LocalEngine
from ml.types import Picture, RenderSpec, Store


def open_engine(args: argparse.Namespace, faces: Faces | None = None) -> Engine:
    if base_of(args.profile).service:
        return open_hosted(args, faces)
    return LocalEngine(args.profile, source=args.source, keys=args.keys, threads=args.threads, faces=faces)


def render_spec(args: argparse.Namespace, name: str | None, sha256: str | None) -> RenderSpec:
    return RenderSpec(
        prompt=args.prompt,
        negative_prompt=args.negative,
        lora=name,
        sha256=sha256,
        subject=args.subject,
        style=args.style,
        aspect=args.aspect,
        quality=args.quality,
        count=args.count,
        seed=args.seed,
    )


def deliver(args: argparse.Namespace, made: Iterable[Picture], store: Store) -> list[tuple[str, Picture]]:
    """Writes each picture as soon as it is done. Leaves out refused pictures; MLError when all are
    refused."""
    out: list[tuple[str, Picture]] = []
    try:
        for p in made:
            name = f"picture-{p.seed}.png"
            store.write(name, p.png)
            out.append((str(args.out / name), p))
            likeness = f"  likeness {p.likeness:.2f}" if p.likeness is not None else ""
            drawn = f"  {LABEL}, shown {p.avatar_shown:.2f}" if p.avatar_shown is not None else ""
            say(args, f"{args.out / name}{likeness}{drawn}")
    except MLError as e:
        if e.code != "result_refused" or not out:
            raise
        say(args, e.message)
    return out


def row(path: str, p: Picture) -> dict[str, Any]:
    return {
        "path": path,
        "prompt": p.prompt,
        "seed": p.seed,
        "likeness": p.likeness,
        "avatar_shown": p.avatar_shown,
        "safety": p.safety,
        "seconds": round(p.seconds, 2),
        "mark": p.mark,
    }
