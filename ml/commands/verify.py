"""`python -m ml verify`: whether a file came from here, and why."""

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
    certificates = provenance.known_certificates(args.keys)
    found = provenance.verify_apart(args.file.read_bytes(), certificates=certificates)
    answer(args, asdict(found))
    say(args, found.summary)
    for reason in found.reasons:
        say(args, f"  {reason}: {provenance.REASONS[reason]}")
