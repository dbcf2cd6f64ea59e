"""fal's queue: each request is a run that waits, works, and ends with an HTTP status and a body.

A run goes on with every look at its status, by itself after some seconds, or when a test says so; see Pace.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock, Timer
from typing import Any

from .book import Book

IN_QUEUE, IN_PROGRESS, COMPLETED = "IN_QUEUE", "IN_PROGRESS", "COMPLETED"
Row = dict[str, Any]


@dataclass
class Pace:
    """How long runs take. `polls`: looks at the status before it says COMPLETED. `seconds`: they end by
    themselves after that long, None: never. `hold`: they end only through the control `finish`."""

    polls: int = 2
    seconds: float | None = None
    hold: bool = False


@dataclass
class Run:
    id: str
    model: str
    input: Row
    key: str = ""  # the last characters of the key it was sent with
    webhook: str = ""
    gateway_id: str = ""
    made: float = 0.0
    lifecycle: Row = field(default_factory=dict)
    headers: Row = field(default_factory=dict)
    scenario: str = ""
    params: Row = field(default_factory=dict)
    state: str = IN_QUEUE
    position: int = 0
    polls: int = 0
    share: float = 0.0  # of the work, for the logs
    code: int = 0  # the HTTP status of the result, 0 before the end
    body: Any = None
    error: str = ""
    error_type: str = ""
    cancelled: bool = False
    lost: bool = False
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.lock = RLock()
        self.ready: tuple[int, Any] | None = None  # the result that was made before the end

    @property
    def app(self) -> str:
        """owner/app, without the subpath: what the addresses contain."""
        return "/".join(self.model.split("/")[:2])

    def urls(self, base: str) -> Row:
        own = f"{base}/{self.app}/requests/{self.id}"
        return {"response_url": own, "status_url": f"{own}/status", "cancel_url": f"{own}/cancel"}

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)

    def advance(self, share: float) -> bool:
        """Tells how much of the work is done; True when it is to stop."""
        self.share = max(self.share, min(share, 0.99))
        return self.cancelled and self.scenario != "cancel_ignored"


class Queue:
    """All runs; kept in `folder` too, where one is given. `make` sets a run's result.

    With `work`, which takes long, runs are worked on in the background, one of each model at a time."""

    def __init__(
        self,
        book: Book,
        make: Callable[[Run], None],
        ended: Callable[[Run], None],
        folder: Path | None = None,
        work: Callable[[Run], tuple[int, Any]] | None = None,
    ) -> None:
        self.book, self.make, self.ended, self.folder, self.work = book, make, ended, folder, work
        self.hands: dict[str, ThreadPoolExecutor] = {}
        self.runs: dict[str, Run] = {}
        self.paces: dict[str, Pace] = {}
        self.pace = Pace()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            rows = [json.loads(file.read_text()) for file in folder.glob("*.json")]
            self.runs = {row["id"]: Run(**row) for row in sorted(rows, key=lambda row: row["made"])}

    def pace_of(self, model: str) -> Pace:
        return self.paces.get(model, self.pace)

    def add(self, run: Run) -> Run:
        self.save(run)
        self.runs[run.id] = run
        self._begin(run)
        seconds = run.get("seconds", self.pace_of(run.model).seconds)
        if seconds is not None:
            timer = Timer(seconds, self.finish, [run])
            timer.daemon = True
            timer.start()
        return run

    def resume(self) -> None:
        """Goes on with what was open when an earlier process ended."""
        for run in self.runs.values():
            self._begin(run)

    def _begin(self, run: Run) -> None:
        if self.work and not run.code:
            hands = self.hands.setdefault(run.model, ThreadPoolExecutor(1))
            hands.submit(self._work, run)

    def _work(self, run: Run) -> None:
        if run.code or run.lost or self.work is None:
            return
        run.state = IN_PROGRESS
        self.save(run)
        run.ready = self.work(run)
        if not self.pace_of(run.model).hold:
            self.finish(run)

    def save(self, run: Run) -> None:
        """Written aside, then renamed: a killed double keeps what it has answered."""
        if self.folder:
            aside = self.folder / f"{run.id}.new"
            aside.write_text(json.dumps(asdict(run)))
            aside.rename(self.folder / f"{run.id}.json")

    def find(self, id: str) -> Run | None:
        run = self.runs.get(id)
        return None if run is None or run.lost else run

    def look(self, run: Run) -> None:
        """One look at the status: the run goes on."""
        with run.lock:
            run.polls += 1
            if run.state == COMPLETED:
                return
            if run.scenario == "lost" and run.polls > run.get("after", 1):
                run.lost = True
            elif self.work:
                run.position = self._before(run) if run.state == IN_QUEUE else 0
            elif run.position > 0:
                run.position -= 1
            elif run.polls > self._wanted(run):
                self.finish(run)
            elif run.polls > 1 or self._wanted(run) < 2:
                run.state, run.share = IN_PROGRESS, min(0.99, run.polls / (self._wanted(run) + 1))
            self.save(run)

    def _before(self, run: Run) -> int:
        """How many of its model wait before it."""
        waiting = [each.id for each in self.runs.values() if each.model == run.model and not each.code]
        return waiting.index(run.id) if run.id in waiting else 0

    def _wanted(self, run: Run) -> float:
        """The looks before the end."""
        pace = self.pace_of(run.model)
        endless = pace.hold or pace.seconds is not None or run.scenario == "lost" or "seconds" in run.params
        return float("inf") if endless else pace.polls + run.get("positions", 0)

    def finish(self, run: Run) -> None:
        """Ends the run now, once."""
        with run.lock:
            if run.code or run.lost:
                return
            self.make(run)
            run.state, run.position = COMPLETED, 0
            run.seconds = self.book.now() - run.made
            self.save(run)
        self.ended(run)

    def cancel(self, run: Run) -> tuple[int, str]:
        """(HTTP status, what it says)."""
        with run.lock:
            if run.scenario == "cancel_race":
                self.finish(run)
            if run.state == COMPLETED:
                return 400, "ALREADY_COMPLETED"
            run.cancelled = True
            if run.scenario != "cancel_ignored":
                self.finish(run)
        return 202, "CANCELLATION_REQUESTED"

    def clear(self) -> None:
        for run in self.runs.values():
            run.cancelled, run.scenario = True, ""
        self.runs.clear()
        self.paces.clear()
        self.pace = Pace()
        for file in self.folder.iterdir() if self.folder else ():
            file.unlink()


def new_run(**fields: Any) -> Run:
    return Run(id=str(uuid.uuid4()), gateway_id=str(uuid.uuid4()), **fields)


def status_of(run: Run, base: str, *, logs: bool) -> tuple[int, Row]:
    """The HTTP status and the body of a look at the status."""
    row: Row = {"status": run.state, "request_id": run.id, **run.urls(base)}
    if run.state == IN_QUEUE:
        return 202, row | {"queue_position": run.position}
    row["logs"] = log_of(run) if logs else None
    if run.state == IN_PROGRESS:
        return 202, row
    row |= {"metrics": {"inference_time": round(run.seconds, 3)}}
    if run.error:
        row |= {"error": run.error, "error_type": run.error_type}
    return 200, row


def log_of(run: Run) -> list[Row]:
    """The log of a trainer, as its progress bar writes it."""
    steps = run.input.get("steps", 2500)
    done = steps if run.state == COMPLETED else int(steps * run.share)
    at = datetime.fromtimestamp(run.made + run.share, UTC).isoformat()
    text = f"{100 * done // steps:3d}%|{'#' * (10 * done // steps):10s}| {done}/{steps}"
    return [{"message": text, "level": "STDERR", "source": "USER", "timestamp": at}]
