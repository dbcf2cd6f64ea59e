"""What the doubles of both services share: routes, keys, faults of single answers, and the control address.

The control (tests drive it, see handle.py):
  GET  /_double/seen                         everything that was asked and made
  POST /_double/scenario {name, model, at, times, params}
  POST /_double/clock {advance}              moves the service's clock by so many seconds
  POST /_double/keys {admit, revoke}
  POST /_double/place {origin, address}      where an https origin is on this machine
  POST /_double/refuse, /_double/listen      closes and opens the public address
  POST /_double/reset                        as after a start
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

from .book import Book, Scenario
from .people import Artist, People
from .server import CONTROL, Answer, Asked, Listening
from .shelf import FAULTS, Shelf, has_expired, serve
from .twins import Twins

Act = Callable[..., Answer]
NGINX = b"<html><head><title>502 Bad Gateway</title></head><body><hr><center>nginx</center></body></html>"
HTML = {"Content-Type": "text/html"}
HANG = 30.0  # seconds

# Faults of one answer that any service may have.
FAULTY: dict[str, Callable[[Scenario], Answer]] = {
    "drop": lambda scenario: Answer(silent=True),
    "hang": lambda scenario: Answer(silent=True, wait=scenario.get("seconds", HANG)),
    "nginx": lambda scenario: Answer(502, NGINX, HTML),
    "html_answer": lambda scenario: Answer(200, NGINX, HTML),
    "nan_answer": lambda scenario: Answer(200, '{"status": NaN, "request_id": NaN}'),
    "huge_answer": lambda scenario: Answer(200, "[" + "0," * (16 << 20) + "0]"),
}


class Refused(Exception):
    """Ends a request with this answer."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        super().__init__(status)
        self.answer = Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class Service:
    """A double: `routes` are tried in their order; what none of them takes is `unknown`."""

    runs_faults: tuple[str, ...] = ()  # scenarios that a whole request suffers, not one answer

    listening: Listening

    def __init__(self, keys: tuple[str, ...], folder: Path | None = None) -> None:
        self.book = Book(keys)
        self.shelf = Shelf(folder / "files" if folder else None)
        self.routes: list[tuple[str, str, Act]] = []
        self.controls: dict[tuple[str, str], Act] = {
            ("GET", "seen"): lambda asked: Answer(200, self.seen()),
            ("POST", "scenario"): self.set_scenario,
            ("POST", "clock"): self.set_clock,
            ("POST", "keys"): self.set_keys,
            ("POST", "place"): self.set_place,
            ("POST", "refuse"): lambda asked: self._then(self.listening.refuse),
            ("POST", "listen"): lambda asked: self._then(self.listening.listen),
            ("POST", "reset"): lambda asked: self._then(self.reset),
        }

    def open(self, port: int = 0) -> Self:
        self.listening = Listening(self.answer, self.book.now, port)
        return self

    @property
    def address(self) -> str:
        return self.listening.address

    # ---------------------------------------------------------------- every request

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith(CONTROL):
            return self.control(asked)
        try:
            answer = self.act(asked)
        except Refused as refused:
            answer = refused.answer
        except (ValueError, KeyError, TypeError) as e:
            self.book.breach(f"{asked.method} {asked.path}: {type(e).__name__}: {e}")
            answer = Answer(422, {"detail": str(e)})
        self.book.note(asked, 0 if answer.silent else answer.status)
        return answer

    def act(self, asked: Asked) -> Answer:
        for method, pattern, act in self.routes:
            if method == asked.method and (found := re.fullmatch(pattern, asked.path)):
                return act(asked, **found.groupdict())
        return self.unknown(asked)

    def admit(self, asked: Asked) -> str:
        """The key of the request. Raises Refused."""
        raise NotImplementedError

    def unknown(self, asked: Asked) -> Answer:
        self.book.breach(f"{asked.method} {asked.path} is no address of this service")
        return Answer(404, {"detail": "Not Found"})

    def suffer(self, at: str, model: str = "") -> None:
        """Plays a scenario that waits for this step. Raises Refused."""
        if scenario := self.book.take(at, model):
            refused = Refused(0, b"")
            refused.answer = FAULTY.get(scenario.name, self.fault)(scenario)
            raise refused

    def fault(self, scenario: Scenario) -> Answer:
        """The answer of a scenario by this service's own name for it."""
        raise NotImplementedError

    def names(self) -> set[str]:
        """The scenarios there are."""
        return {*FAULTY, *FAULTS, *self.runs_faults}

    def fetch(self, asked: Asked, id: str, owner: bool = True) -> Answer:
        self.suffer("file")
        return serve(self.shelf.files.get(id), self.book.now(), owner=owner)

    # ---------------------------------------------------------------- control

    def control(self, asked: Asked) -> Answer:
        act = self.controls.get((asked.method, asked.path.removeprefix(CONTROL)))
        if act is None:
            return Answer(404, {"detail": "no such control"})
        try:
            return act(asked)
        except (ValueError, KeyError, TypeError) as e:
            return Answer(400, {"detail": f"{type(e).__name__}: {e}"})

    def _then(self, act: Callable[[], Any]) -> Answer:
        act()
        return Answer(200, {})

    def seen(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "control": self.listening.control,
            "keys": list(self.book.first_keys),
            "now": self.book.now(),
            "calls": list(self.book.calls),
            "breaches": list(self.book.breaches),
            "waiting": self.book.waiting(),
            "files": [self.file_row(stored) for stored in list(self.shelf.files.values())],
        }

    def file_row(self, stored: Any) -> dict[str, Any]:
        url = f"{self.address}{stored.path()}"
        return stored.row() | {"url": url, "expired": has_expired(stored, self.book.now())}

    def set_scenario(self, asked: Asked) -> Answer:
        row = json.loads(asked.body)
        if row["name"] not in self.names():
            raise ValueError(f"no scenario {row['name']}; there are: {', '.join(sorted(self.names()))}")
        at = row.pop("at", "") or ("run" if row["name"] in self.whole_run() else "submit")
        self.book.add(Scenario(**row, at=at))
        return Answer(200, {})

    def whole_run(self) -> set[str]:
        return {*FAULTS, *self.runs_faults}

    def set_clock(self, asked: Asked) -> Answer:
        self.book.ahead += float(json.loads(asked.body)["advance"])
        return Answer(200, {"now": self.book.now()})

    def set_place(self, asked: Asked) -> Answer:
        row = json.loads(asked.body)
        self.book.places[row["origin"]] = row["address"]
        return Answer(200, {})

    def set_keys(self, asked: Asked) -> Answer:
        row = json.loads(asked.body)
        self.book.keys = (self.book.keys | set(row.get("admit", ()))) - set(row.get("revoke", ()))
        return Answer(200, {"keys": sorted(self.book.keys)})

    def reset(self) -> None:
        self.listening.listen()
        self.book.clear()
        self.shelf.clear()


def arguments(name: str, keys: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.remote.{name}", description=f"A double of {name}."
    )
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--keys", default=keys, help="the keys it accepts, comma separated")
    parser.add_argument("--quick", action="store_true", help="trains nothing and draws from the photos")
    parser.add_argument("--state", type=Path, help="a folder that outlives the process")
    parser.add_argument("--steps", type=int, default=0, help="steps of a training, 0: by the engine's rule")
    parser.add_argument("--with-parent", action="store_true", help="ends when its standard input does")
    return parser


def artist_of(args: argparse.Namespace) -> Artist:
    """Who paints: from the photos with --quick, else the built-in engine."""
    if args.quick:
        return People(args.state / "people" if args.state else None)
    folder = (args.state or Path(tempfile.mkdtemp(prefix="photoflux-double-"))) / "twins"
    return Twins(folder, args.steps)


def keys_of(args: argparse.Namespace) -> tuple[str, ...]:
    return tuple(key.strip() for key in args.keys.split(",") if key.strip())


def stay(service: Service, artist: Artist, args: argparse.Namespace) -> None:
    """Says where the double is, in one line of JSON, and waits for a signal. Does not return."""
    over = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    told = {"address": service.address, "control": service.listening.control}
    if args.with_parent:
        Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with suppress(OSError):
        print(json.dumps(told), flush=True)
    over.wait()
    artist.close()
    os._exit(0)  # threads that train or deliver webhooks would be waited for
