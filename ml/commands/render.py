"""`python -m ml render`: renders pictures with or without a trained twin."""

from __future__ import annotations

import argparse
from pathlib import Path

from ml.commands import options
from ml.commands.hosted import add_agreement, check_agreement
from ml.commands.output import answer
from ml.commands.pictures import deliver, open_engine, render_spec, row
from ml.errors import MLError
from ml.local.weights import FolderStore
from ml.words import screening


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--twin", type=Path, help="the LoRA file")
    options.add_subject(p)
    options.add_picture(p)
    options.add_engine(p)
    add_agreement(p)


def run(args: argparse.Namespace) -> None:
    screening.refuse_prompt(args.prompt, args.negative)
    if args.twin and not args.twin.is_file():
        raise MLError("lora_missing", f"There is no file {args.twin}. Name a twin's LoRA file.")
    check_agreement(args, twin=bool(args.twin))
    store = FolderStore(args.twin.parent if args.twin else args.out)
    spec = render_spec(args, args.twin.name if args.twin else None, None)
    pictures = deliver(args, open_engine(args).render(spec, store=store), FolderStore(args.out))
    answer(args, [row(path, p) for path, p in pictures])
