"""The output of commands: sentences for people, JSON on standard output for programs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

BAR = 30  # characters


def say(args: argparse.Namespace, text: str) -> None:
    """Prints a sentence; on standard error with --json."""
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)


def answer(args: argparse.Namespace, found: Any) -> None:
    """Prints the command's result as JSON with --json."""
    if args.json:
        print(json.dumps(found))


class Bar:
    """A progress bar on standard error; one line per stage without a terminal. Setting `stop` ends the
    work."""

    def __init__(self) -> None:
        self.start, self.stop, self.stage = time.monotonic(), False, ""

    def __call__(self, stage: str, share: float) -> bool:
        seconds = f"{time.monotonic() - self.start:4.0f} s"
        if sys.stderr.isatty():
            bar = ("#" * round(BAR * share)).ljust(BAR, ".")
            print(f"\r{stage:18} [{bar}] {share:4.0%} {seconds}", end="", file=sys.stderr, flush=True)
        elif stage != self.stage:
            print(f"{stage} {seconds}", file=sys.stderr, flush=True)
        self.stage = stage
        return self.stop

    def close(self) -> None:
        if self.stage and sys.stderr.isatty():
            print(file=sys.stderr)
