"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from ml.types import ASPECTS, QUALITIES, STYLES, SUBJECTS

MOST = 2_000_000_000


def add_engine(p: argparse.ArgumentParser) -> None:
    p.add_argument("--profile", default="nano", help="the base (see the command bases)")
    p.add_argument("--source", help="a local directory in the base's place")
    add_keys(p)
    p.add_argument("--threads", type=at_least(1), help="processor threads")


def add_keys(p: argparse.ArgumentParser) -> None:
    keys = Path(os.environ.get("VAR") or "var") / "keys"
    p.add_argument("--keys", type=Path, default=keys, help="folder of the signing key")


def add_subject(p: argparse.ArgumentParser) -> None:
    p.add_argument("--subject", choices=SUBJECTS, default="person")


def add_picture(p: argparse.ArgumentParser, *, one: bool = False) -> None:
    """`one`: of one picture, whose words may be left out."""
    p.add_argument("--prompt", required=not one, default="")
    p.add_argument("--negative", default="")
    p.add_argument("--style", choices=STYLES, default="photorealistic")
    p.add_argument("--aspect", choices=ASPECTS, default="1:1")
    p.add_argument("--quality", choices=QUALITIES, default="standard")
    if one:
        p.set_defaults(count=1)
    else:
        p.add_argument("--count", type=int, choices=range(1, 9), default=4)
    p.add_argument("--seed", type=at_least(0), default=0)
    p.add_argument("--out", type=Path, default=Path("out"))


def at_least(least: int) -> Callable[[str], int]:
    """An argument's type: a whole number from `least` to MOST."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= MOST:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {MOST:,} is wanted")
        return value

    return number
