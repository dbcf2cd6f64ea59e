"""`python -m ml fetch`: downloads a base's files from the hub, or resumes a download."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial

from ml import fetch
from ml.commands.output import answer, say


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("profile", help="the base (see the command bases)")
    fetch.add_arguments(p)


def run(args: argparse.Namespace) -> None:
    answer(args, asdict(fetch.run(args.profile, args, partial(say, args))))
