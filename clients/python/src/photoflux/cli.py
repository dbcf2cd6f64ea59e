"""The command `photoflux`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from photoflux.errors import PhotoFluxError
from photoflux.requests import given, pictures_in
from photoflux.synchronous import Client
from photoflux.types import Job, Photo


def run() -> None:
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 with a sentence on the error output."""
    options = parser().parse_args(argv)
    try:
        if not options.key:
            raise PhotoFluxError("There is no API key. Set PHOTOFLUX_KEY, or give --key.")
        with Client(options.key, options.url) as client:
            options.act(client, options)
    except (PhotoFluxError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="photoflux", description="PhotoFlux from the command line.")
    found.add_argument("--url", default=os.environ.get("PHOTOFLUX_URL", "http://127.0.0.1:8000"))
    found.add_argument("--key", default=os.environ.get("PHOTOFLUX_KEY", ""), help="or PHOTOFLUX_KEY")
    commands = found.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("twins", help="list the twins").set_defaults(act=twins)
    _upload(commands.add_parser("upload", help="send a folder of photos to a twin"))
    _train(commands.add_parser("train", help="train a twin, and wait for it"))
    _generate(commands.add_parser("generate", help="make pictures, and download them"))
    _video(commands.add_parser("video", help="make a short clip, and download it"))
    _download(commands.add_parser("download", help="download pictures; what is there already is left out"))
    return found


def _upload(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder")
    to = command.add_mutually_exclusive_group(required=True)
    to.add_argument("--twin", help="the id of a twin")
    to.add_argument("--name", help="make a new twin of this name")
    command.set_defaults(act=upload)


def _train(command: argparse.ArgumentParser) -> None:
    command.add_argument("twin")
    command.add_argument("--base", help="the id of an engine")
    command.add_argument("--steps", type=int)
    command.set_defaults(act=train)


def _generate(command: argparse.ArgumentParser) -> None:
    command.add_argument("prompt")
    command.add_argument("--twin")
    command.add_argument("--count", type=int, default=1)
    for name in ("negative-prompt", "style", "quality", "aspect-ratio", "engine", "album"):
        command.add_argument(f"--{name}")
    command.add_argument("--seed", type=int)
    command.add_argument("--out", default=".", help="the folder for the pictures")
    command.set_defaults(act=generate)


def _video(command: argparse.ArgumentParser) -> None:
    command.add_argument("prompt", nargs="?", default="", help="not needed with --picture")
    command.add_argument("--twin")
    command.add_argument("--picture", help="the id of a picture of a twin, which the clip begins from")
    command.add_argument("--motion", help="blink, smile, turn, nod or walk_the_light")
    command.add_argument("--action", help="the movement in your own words, where the engine reads them")
    command.add_argument("--seconds", type=int, help="3 to 5")
    for name in ("style", "aspect-ratio", "engine", "album"):
        command.add_argument(f"--{name}")
    command.add_argument("--seed", type=int)
    command.add_argument("--out", default=".", help="the folder for the clip")
    command.set_defaults(act=video)


def _download(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", default=".", help="the folder for the pictures")
    for name in ("twin", "album", "style", "tag", "q"):
        command.add_argument(f"--{name}")
    command.add_argument("--limit", type=int, help="at most so many")
    command.set_defaults(act=download)


# ---------------------------------------------------------------- what the commands do


def twins(client: Client, options: Any) -> None:
    for twin in client.twins():
        print(f"{twin['id']}  {twin['status']:9}  {twin['name']}")


def upload(client: Client, options: Any) -> None:
    pictures = pictures_in(options.folder)
    if not pictures:
        raise PhotoFluxError(f"There are no pictures in {options.folder}.")
    twin = options.twin or client.create_twin(options.name)["id"]
    with bars(MofNCompleteColumn()) as shown:
        sent = _send(client, twin, pictures, shown)
        photos = [photo for photo in _checked(client, twin, sent, shown) if photo["id"] in sent]
    for photo in photos:
        print(f"{photo['status']:9} {photo['file_name']}  {photo['detail'] or ''}".rstrip())
    ready = client.twin(twin)["readiness"]
    print(f"twin {twin}: {ready['accepted']} photos accepted, {ready['needed']} more needed")


def _send(client: Client, twin: str, pictures: list[Path], shown: Progress) -> set[str]:
    """The ids of the photos."""
    bar, sent = shown.add_task("Sending", total=len(pictures)), set[str]()
    for picture in pictures:
        before = len(sent)

        def told(share: float, before: int = before) -> None:
            shown.update(bar, completed=before + share)

        sent.add(client.upload_photo(twin, picture, progress=told)["id"])
    return sent


def _checked(client: Client, twin: str, sent: set[str], shown: Progress) -> list[Photo]:
    bar = shown.add_task("Checking", total=len(sent))

    def seen(photos: list[Photo]) -> None:
        done = sum(photo["status"] != "checking" for photo in photos if photo["id"] in sent)
        shown.update(bar, completed=done)

    return client.wait_for_photos(twin, seen=seen)


def train(client: Client, options: Any) -> None:
    training = client.train(options.twin, **given(base=options.base, steps=options.steps))
    with bars() as shown:
        bar = shown.add_task("Training", total=1.0)
        done = client.wait(training, progress=lambda share: shown.update(bar, completed=share))
    likeness = "" if done["likeness"] is None else f", likeness {done['likeness']:.0%}"
    print(f"training {done['number']} is ready{likeness}")


def generate(client: Client, options: Any) -> None:
    names = ("negative_prompt", "style", "quality", "aspect_ratio", "engine", "album", "seed")
    wanted = given(count=options.count, **{name: getattr(options, name) for name in names})
    _fetch(client, client.generate(options.prompt, twin=options.twin, **wanted), options.out)


def video(client: Client, options: Any) -> None:
    names = ("motion", "action", "style", "aspect_ratio", "engine", "album", "seed")
    wanted = given(reference=options.picture, duration=options.seconds)
    wanted |= given(**{name: getattr(options, name) for name in names})
    _fetch(client, client.generate(options.prompt, twin=options.twin, kind="video", **wanted), options.out)


def _fetch(client: Client, job: Job, out: str) -> None:
    """Waits for the job, and downloads what it made."""
    with bars() as shown:
        bar = shown.add_task("Making", total=1.0)
        job = client.wait(job, progress=lambda share: shown.update(bar, completed=share))
    for item in job["items"]:
        print(client.download(item, out))


def download(client: Client, options: Any) -> None:
    filters = given(**{name: getattr(options, name) for name in ("twin", "album", "style", "tag", "q")})
    items = list(zip(client.items(limit=100, **filters), range(options.limit or 10**9)))
    with bars(MofNCompleteColumn()) as shown:
        bar = shown.add_task("Downloading", total=len(items))
        for item, _number in items:
            client.download(item, options.out)
            shown.advance(bar)
    print(f"{len(items)} pictures are in {options.out}")


def bars(*more: Any) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), *(more or [TaskProgressColumn()]), transient=True
    )
