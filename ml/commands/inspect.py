"""`python -m ml inspect`: prints the verdict on each photo."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from ml.commands import options
from ml.commands.output import answer, say
from ml.commands.photos import inspect_all
from ml.judge import Judge


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path)
    options.add_engine(p)


def run(args: argparse.Namespace) -> None:
    rows, _ = inspect_all(Judge(threads=args.threads), args.photos, partial(say, args))
    answer(args, rows)
