"""`python -m ml rotate`: makes a new signing key. Pictures signed by the old one stay ours."""

from __future__ import annotations

import argparse

from ml import provenance
from ml.commands import options
from ml.commands.output import answer, say


def add_arguments(p: argparse.ArgumentParser) -> None:
    options.add_keys(p)


def run(args: argparse.Namespace) -> None:
    provenance.rotate(args.keys)
    answer(args, {"keys": str(args.keys)})
    say(args, f"There is a new signing key in {args.keys}. Restart the workers: they still use the old one.")
