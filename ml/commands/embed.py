"""`python -m ml embed`: faces and their vectors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml import media
from ml.commands import options
from ml.commands.output import answer, say
from ml.judge import Judge


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path)
    options.add_engine(p)


def run(args: argparse.Namespace) -> None:
    judge = Judge(threads=args.threads)
    rows: list[dict[str, Any]] = []
    for path in args.photos:
        found = judge.embed(media.clean(path.read_bytes()).jpeg)
        faces = [
            {"box": one.face.box, "score": one.face.score, "quality": round(one.quality, 3)}
            | {"embedder": one.embedder, "vector": one.vector.tolist()}
            for one in found
        ]
        rows.append({"path": str(path), "faces": faces})
        say(args, f"{path}: {len(found)} face{'s' if len(found) != 1 else ''}")
    answer(args, rows)
