"""`python -m ml bases`: the bases, their licences and whether they are here."""

from __future__ import annotations

import argparse
from typing import Any

import torch

from ml.catalogue import BASES, SERVICES, Base
from ml.commands.output import answer, say
from ml.local import fitting
from ml.local.files import present


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--fits", action="store_true", help="also whether each fits into this machine's memory, and how"
    )


def run(args: argparse.Namespace) -> None:
    rows = [row(base) for base in BASES.values()]
    if args.fits:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for r in rows:
            if r["present"] and not r["service"]:
                r["serving"], r["training"] = fitting.says(BASES[r["name"]], device)
    answer(args, rows)
    for r in rows:
        here = "hosted" if r["service"] else "here" if r["present"] else "not here"
        say(args, f"{r['name']:14} {here:9} {r['licence']:30} {r['source']}")
        if where := r["where"]:
            sent = "photos, twins and prompts" if r["trains"] else "prompts"
            trains = "" if r["trains"] else "; it trains no twins"
            say(args, f"{'':14} {sent} are sent to {where}{trains}")
        for what in ("serving", "training"):
            if what in r:
                say(args, f"{'':14} {what} {r[what]}")


def row(base: Base) -> dict[str, Any]:
    service = SERVICES.get(base.service)
    return {
        "name": base.name,
        "source": "with the program" if base.name == "nano" else base.source,
        "licence": base.licence,
        "present": not service and present(base),
        "photorealistic": base.photorealistic,
        "trains": base.trains,
        "service": base.service,
        "where": f"{service.company}, {service.country}" if service else "",
    }
