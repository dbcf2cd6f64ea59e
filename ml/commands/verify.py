"""`python -m ml verify`: prints the provenance that a file states."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ml import provenance
from ml.commands import options
from ml.commands.output import answer, say
from ml.errors import MLError


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", type=Path)
    options.add_keys(p)


def run(args: argparse.Namespace) -> None:
    if not args.file.is_file():
        raise MLError("no_such_file", f"There is no file {args.file}.")
    found = provenance.verify_apart(args.file.read_bytes(), roots=provenance.known_roots(args.keys))
    answer(args, asdict(found))
    say(args, found.summary)
