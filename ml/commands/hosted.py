"""Engines at services for commands: what is sent where, whether that is agreed, and Ctrl-C."""

from __future__ import annotations

import argparse
import os
import time

from ml.catalogue import SERVICES, Base, base_of
from ml.commands.output import say
from ml.errors import MLError
from ml.faces import Faces
from ml.provenance import Signer
from ml.remote.desk import InProcess
from ml.remote.engine import FalEngine, TogetherEngine, open_remote
from ml.remote.journal import FolderJournal
from ml.remote.settings import from_environment

SECOND = 5.0  # seconds for a second Ctrl-C


def add_agreement(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--agree", action="store_true", help="agree that a hosted base gets what the command says it gets"
    )


def check_agreement(
    args: argparse.Namespace, *, photos: int = 0, twin: bool = False, clip: bool = False
) -> None:
    """Says what goes where. MLError `agreement_needed` without --agree; `engine_misconfigured`,
    `engine_trains_none`."""
    base = base_of(args.profile)
    if not base.service:
        return
    service = SERVICES[base.service]
    if photos and not base.trains:
        raise MLError("engine_trains_none", f"{service.company} trains no twins. Choose another base for it.")
    key_of(base)
    sent = [f"clean copies of at most {photos} photos (kept there for an hour)"] * bool(photos)
    sent += ["the twin's LoRA (for an hour at a time)"] * (twin or bool(photos))
    sent += ["the picture that moves (for an hour)"] * clip
    told = f"{', '.join(sent)}{' and ' * bool(sent)}the prompt to {service.company}, {service.country}"
    say(args, f"This sends {told}. Its privacy statement: {service.privacy_url}")
    if not args.agree:
        raise MLError("agreement_needed", "Nothing was sent. Add --agree if you and whoever is shown agree.")


def key_of(base: Base) -> None:
    """MLError `engine_misconfigured` when no key is set."""
    if base.service not in from_environment(os.environ):
        company, name = SERVICES[base.service].company, f"{base.service.upper()}_KEYS"
        raise MLError("engine_misconfigured", f"There is no key for {company}. Set {name} to one of yours.")


def open_hosted(args: argparse.Namespace, faces: Faces | None) -> FalEngine | TogetherEngine:
    remote = from_environment(os.environ)[base_of(args.profile).service]
    desk = InProcess(faces or Faces(), Signer.open(args.keys))

    def refused(service: str, name: str, reason: str) -> None:
        say(args, f"{SERVICES[service].company} refuses the key {name}: {reason}.")

    return open_remote(args.profile, remote, keys=args.keys, desk=desk, on_refused=refused)


def after_ctrl_c(args: argparse.Namespace, engine: FalEngine, journal: FolderJournal) -> None:
    """The training goes on there, unless Ctrl-C is pressed again: then it is cancelled."""
    say(
        args,
        "\nIt goes on there; the same command fetches it. Press Ctrl-C again now to cancel it there too.",
    )
    try:
        time.sleep(SECOND)
    except KeyboardInterrupt:
        engine.cancel(journal)
        say(args, "It was cancelled there.")
