"""Tests recovery after SIGKILL between hold and capture: `python -m bench.crash [--remote] [--times 10]`.

At each step from the request to the capture a real web process (granian) or worker (Celery) kills itself
with SIGKILL (bench/mortal.py). Then its remaining processes are killed and a new one is started. The client
repeats the request with the same key, the lease expires, the sweeper runs. Afterwards there must be one job,
one hold, one capture and each picture once, and `ledger_check` must pass. Here leases last 2 s, and unclaimed
jobs are enqueued again after 2 s. Exits 1 on any fault.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.house import ROOT, client_of, house, person
from bench.load import free_port, wait_for
from bench.machine import machine
from bench.mortal import LEASE, WEB, WORKER, Step
from config.start import processes
from config.start.processes import Process

COUNT = 2  # pictures of a job
PATIENCE = 60.0  # seconds: limit for a job to end


class Service:
    """A process of the product, in its own session."""

    def __init__(self, argv: list[str], folder: Path, more: Mapping[str, str]) -> None:
        self.log = (folder / "log").open("ab")
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=os.environ | environment(folder) | more,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kills the process and its children. Only once: later another process may have its id."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.log.close()


def environment(folder: Path) -> dict[str, str]:
    from tests.processes import database_url

    return {
        "CRASH_AT": str(folder / "crash"),
        "STUDIO": "paint",
        "STUDIO_FOLDER": str(folder),
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
    }


class Scene:
    """A web process and a worker, started like config.start.supervisor's, but with
    bench.mortal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.started: list[Service] = []
        self.more: dict[str, str] = {}  # further environment of its processes

    def start_web(self) -> None:
        *command, _application = processes.web("127.0.0.1", self.port).argv
        self.web = self._start([*command, "--factory", "bench.mortal:application"])
        wait_for(f"{self.origin}/healthz")

    def start_worker(self) -> None:
        self.worker = self._start(with_doubles(processes.worker("render", concurrency=1)))

    def _start(self, argv: list[str]) -> Service:
        self.started.append(Service(argv, self.folder, self.more))
        return self.started[-1]

    @property
    def crash(self) -> Path:
        return self.folder / "crash"

    def post(self, token: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises OSError or HTTPException when there is no answer."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": key,
            "Content-Type": "application/json",
        }
        request = Request(f"{self.origin}/api/v1/generations", json.dumps(body).encode(), headers)
        return dict(json.loads(urlopen(request, timeout=30).read()))


def with_doubles(row: Process) -> list[str]:
    return ["tests.worker" if word == "config" else word for word in row.argv]


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    made = Scene(folder)
    try:
        made.start_web()
        made.start_worker()
        yield made
    finally:
        for service in made.started:
            service.kill()


@dataclass
class Asker:
    """A user with a trained twin, and their access token."""

    user: Any
    twin: Any
    token: str


def asker(user: Any) -> Asker:
    from billing import ledger
    from tests.test_workers import trained_twin

    ledger.grant(ledger.wallet_of(user), 1000, cause=f"crash:{user.id}")
    login = {"email": user.email, "password": "a long password"}
    said = client_of(user).post("/_allauth/app/v1/auth/login", login, format="json").json()
    return Asker(user, trained_twin(user), said["meta"]["access_token"])


@dataclass(frozen=True)
class Outcome:
    wrong: list[str]
    seconds: float  # from the kill until recovery


def kill_web(at: Scene, who: Asker, step: Step) -> Outcome:
    """The client sends a request, the web process dies, the client repeats it to a new process."""
    key = str(uuid.uuid4())
    body = {"twin": str(who.twin.id), "prompt": "in a park", "count": COUNT, "seed": 5}
    before = spendable(who)
    at.crash.write_text(step.name)
    answers = []
    with suppress(OSError, HTTPException):
        answers.append(at.post(who.token, key, body)["id"])
    wrong = [] if len(answers) == (step == WEB[-1]) else [f"{len(answers)} answers of a process that died"]
    died = dead(at)
    at.web.kill()
    at.start_web()
    answers += [at.post(who.token, key, body)["id"] for _ in range(2)]
    wrong += [] if len(set(answers)) == 1 else [f"one key, {len(set(answers))} jobs"]
    return well_again(who, answers[0], before, died, attempts=1, wrong=wrong)


def kill_worker(at: Scene, who: Asker, step: Step) -> Outcome:
    """The worker dies during a job, and a new one is started."""
    from generation.services import request_images

    before = spendable(who)
    at.crash.write_text(step.name)
    job = request_images(
        who.user, twin=who.twin, prompt="in a park", count=COUNT, seed=5, key=str(uuid.uuid4()), body_hash="-"
    )
    died = dead(at)
    at.worker.kill()
    at.start_worker()
    return well_again(who, job.id, before, died, attempts=1 if step == WORKER[-1] else 2)


def dead(at: Scene) -> float:
    """Waits for the kill and returns its time. A wake-up that died with a worker is sent again."""
    from config.runs.sweeper import sweep
    from tests.processes import wait_for

    def reached() -> bool:
        sweep()  # as celery beat would have it done
        return not at.crash.exists()

    wait_for(reached)
    return time.monotonic()


def spendable(who: Asker) -> int:
    from billing import ledger

    return ledger.balance(ledger.wallet_of(who.user)).available


def well_again(
    who: Asker, ident: Any, before: int, died: float, *, attempts: int, wrong: Sequence[str] = ()
) -> Outcome:
    from config.runs.sweeper import sweep
    from generation.models import Job
    from tests.processes import wait_for

    def over() -> bool:
        sweep()  # in place of celery beat
        return not Job.objects.get(id=ident).is_open

    wait_for(over, PATIENCE)
    seconds = time.monotonic() - died
    job = Job.objects.get(id=ident)
    return Outcome([*wrong, *faults(who, job, before, attempts)], seconds)


def faults(who: Asker, job: Any, before: int, attempts: int) -> list[str]:
    """The faults after a job of COUNT pictures with `attempts` attempts, one sentence each."""
    from django.db.models import Sum

    from billing import audit, ledger
    from billing.models import Transfer
    from gallery.models import Item
    from generation.models import Job

    left = ledger.balance(ledger.wallet_of(who.user))
    moved = (
        Transfer.objects.filter(cause=job.cause)
        .values_list("kind")
        .annotate(n=Sum("amount"))
        .order_by("kind")
    )
    found: dict[str, tuple[Any, Any]] = {
        "status": (job.status, "succeeded"),
        "attempts": (job.attempt, attempts),
        "captured": (job.captured, job.price),
        "moved": (dict(moved), {"capture": job.price, "hold": job.price}),
        "spent": (before - left.available, job.price),
        "held": (left.held, 0),
        "pictures": (
            sorted(Item.objects.filter(job=job.id).values_list("index", flat=True)),
            list(range(COUNT)),
        ),
        "outputs": (list(job.outputs.values_list("index", flat=True)), list(range(COUNT))),
        "jobs of the key": (
            Job.objects.filter(user=who.user, idempotency_key=job.idempotency_key).count(),
            1,
        ),
        "claimed once more": (Job.claim(job.id), None),
    }
    return [
        f"{what} is {is_}, not {should}" for what, (is_, should) in found.items() if is_ != should
    ] + audit.problems()


def ledger_check(folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "manage.py", "ledger_check"],
        cwd=ROOT,
        env=os.environ | environment(folder),
        capture_output=True,
        text=True,
    )
    return [f"ledger_check ended with {done.returncode}: {done.stderr[-500:]}"] if done.returncode else []


def rehearse(
    at: Scene, kill: Callable[[Scene, Asker, Step], Outcome], step: Step, who: Asker, times: int
) -> list[Outcome]:
    outcomes = []
    for _ in range(times):
        outcome = kill(at, who, step)
        outcomes.append(Outcome(outcome.wrong + ledger_check(at.folder), outcome.seconds))
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--remote", action="store_true", help="trainings at a service: bench/crash_remote.py")
    args = parser.parse_args()
    if args.remote:
        return import_module("bench.crash_remote").main(args.times)  # type: ignore[no-any-return]
    with house(), tempfile.TemporaryDirectory() as folder:
        hurry()
        with scene(Path(folder)) as at:
            return report(at, args.times)


def hurry() -> None:
    """Makes the sweeper in this process enqueue again after LEASE seconds."""
    from config.runs import sweeper

    sweeper.ENQUEUE_AGAIN = timedelta(seconds=LEASE)


def report(at: Scene, times: int) -> int:
    print(machine())
    print(f"{'killed with -9':8}{'':36}{'times':>6}{'well again':>12}{'median s':>10}{'longest':>9}")
    bad = 0
    for who, kill, steps in (("web", kill_web, WEB), ("worker", kill_worker, WORKER)):
        for n, step in enumerate(steps):
            outcomes = rehearse(at, kill, step, asker(person(f"{who}-{n}")), times)
            wrong = [sentence for outcome in outcomes for sentence in outcome.wrong]
            took = [outcome.seconds for outcome in outcomes]
            well = sum(not outcome.wrong for outcome in outcomes)
            print(
                f"{who:8}{step.name:36}{times:6}{well:12}{statistics.median(took):10.1f}{max(took):9.1f}"
                + "".join(f"\n    {sentence}" for sentence in wrong[:5]),
                flush=True,
            )
            bad += bool(wrong)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
