"""What commands tell while they work: people read sentences, programs read JSON on standard output."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

BAR = 30  # characters


def say(args: argparse.Namespace, text: str) -> None:
    """A sentence for people; on standard error when JSON is asked for."""
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)


def answer(args: argparse.Namespace, found: Any) -> None:
    """The command's answer, for a program that asked for JSON."""
    if args.json:
        print(json.dumps(found))


class Bar:
    """A progress bar on standard error; one line a stage where that is no terminal. Setting `stop` ends the
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
