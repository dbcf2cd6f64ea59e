"""`python -m ml twin`: photos in, a trained twin and pictures out."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import signal
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml import media
from ml.avatar.avatar import LABEL, from_facts
from ml.avatar.drawings import portrait
from ml.avatar.traits import NOTES
from ml.commands import options
from ml.commands.hosted import add_agreement, after_ctrl_c, check_agreement
from ml.commands.output import Bar, answer, say
from ml.commands.photos import inspect_all
from ml.commands.pictures import deliver, open_engine, render_spec, row
from ml.engine import Engine
from ml.errors import MLError, Stopped
from ml.judge import Judge
from ml.local.weights import FolderStore
from ml.provenance import Signer
from ml.remote.engine import FalEngine
from ml.remote.journal import FolderJournal
from ml.remote.rendering import about_training
from ml.types import Inspection, Photo, Picture, Store, TrainReport, TrainSpec
from ml.words import screening

FEW = 10


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="*", type=Path)
    options.add_subject(p)
    p.add_argument(
        "--steps", type=options.at_least(4), help="training steps (the base's rule when not given)"
    )
    options.add_picture(p)
    options.add_engine(p)
    add_agreement(p)


def run(args: argparse.Namespace) -> None:
    if not args.photos:
        raise MLError(
            "no_photos", "No photos were given. Name four or more photo files, better ten to twenty-five."
        )
    screening.refuse_prompt(args.prompt, args.negative)
    check_agreement(args, photos=len(args.photos))
    store, signer = FolderStore(args.out), Signer.open(args.keys)
    store.write("report.json", b"{}")  # a read-only folder must fail now, not after the training
    store.delete("report.json")
    judge = Judge(threads=args.threads)
    rows, accepted = inspect_all(judge, args.photos, partial(say, args))
    engine = open_engine(args, judge.faces)
    report = train(args, engine, train_spec(args, accepted), store)
    pictures = deliver(args, engine.render(render_spec(args, report.lora, report.sha256), store=store), store)
    store.write("sheet.png", sheet(args, accepted, report, pictures, signer))
    facts = facts_of(args, rows, report, pictures)
    store.write("report.json", json.dumps(facts, indent=1).encode())
    answer(args, facts)
    say(args, f"Pictures, sheet.png, {report.lora} and report.json are in {args.out}.")


def train_spec(args: argparse.Namespace, accepted: list[Inspection]) -> TrainSpec:
    if not accepted:
        raise MLError(
            "not_enough_photos", "None of the photos can be used. See the reason beside each; choose others."
        )
    if len(accepted) < FEW:
        say(args, f"Only {len(accepted)} photos were accepted: ten or more make a better likeness.")
    photos = tuple(Photo(hashlib.sha256(i.clean).hexdigest()[:16], i.clean) for i in accepted)
    return TrainSpec(photos, args.subject, args.seed, args.steps, args.threads)


def train(args: argparse.Namespace, engine: Engine, spec: TrainSpec, store: Store) -> TrainReport:
    """Trains with a progress bar. Ctrl-C stops at the next step and keeps a checkpoint."""
    bar = Bar()
    before = signal.signal(signal.SIGINT, lambda *_: setattr(bar, "stop", True))
    about = about_training(spec)
    journal = FolderJournal(store, spec.name, about, lora=about, hurry=lambda: bar.stop)
    try:
        report = engine.train(spec, store=store, on_progress=bar, journal=journal)
    except Stopped:
        signal.signal(signal.SIGINT, before)
        if isinstance(engine, FalEngine):
            after_ctrl_c(args, engine, journal)
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        bar.close()
    say_how_like(args, report)
    if not report.recognised:
        say(args, "That is below what counts as recognised: more and more varied photos help.")
    return report


def say_how_like(args: argparse.Namespace, report: TrainReport) -> None:
    if report.avatar is not None:
        say(args, f"The twin shows a {LABEL}; its pictures show the avatar: {report.avatar_shown:.2f}.")
        for note in report.avatar["notes"]:
            say(args, NOTES.get(note, note))
    elif report.likeness is not None:
        without = f"without the twin {report.likeness_base:.2f}, " if report.likeness_base is not None else ""
        say(args, f"Likeness {report.likeness:.2f} ({without}between photos {report.likeness_real:.2f})")


def caption_of(picture: Picture) -> str:
    if picture.avatar_shown is not None:
        return f"drawn avatar, shown {picture.avatar_shown:.2f}"
    return f"likeness {picture.likeness:.2f}" if picture.likeness is not None else "no face"


def sheet(
    args: argparse.Namespace,
    accepted: list[Inspection],
    report: TrainReport,
    pictures: list[tuple[str, Picture]],
    signer: Signer,
) -> bytes:
    """A signed contact sheet of the photos, the avatar if there is one, and the pictures."""
    avatar = from_facts(report.avatar) if report.avatar is not None else None
    made = media.contact_sheet(
        [media.to_array(i.clean) for i in accepted] + ([portrait(avatar)] if avatar else []),
        [media.to_array(p.png) for _, p in pictures],
        [caption_of(p) for _, p in pictures],
        title=f"{args.prompt} ({args.style}, {LABEL if avatar else f'engine {args.profile}'})",
    )
    ident = pictures[0][1].mark if pictures else 0
    return signer.sign(made, "image/png", engine=args.profile, ident=ident, created=datetime.now(UTC))


def facts_of(
    args: argparse.Namespace,
    rows: list[dict[str, Any]],
    report: TrainReport,
    pictures: list[tuple[str, Picture]],
) -> dict[str, Any]:
    return {
        "profile": args.profile,
        "photos": rows,
        "training": {k: (round(v, 4) if isinstance(v, float) else v) for k, v in asdict(report).items()},
        "pictures": [row(path, p) for path, p in pictures],
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in ("torch", "diffusers")}
