"""Kills web, worker and service during trainings at the double of fal: `python -m bench.crash --remote`.

As bench.crash, with a real worker of the queue `remote`. Afterwards there must be one training at the service
for each of ours (none where the worker died before it was sent: that one fails, with the credits back), one
hold, one capture, every request ended, and `ledger_check` must pass.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.crash import Outcome, Scene, dead, hurry, ledger_check, with_doubles
from bench.house import house, person
from bench.machine import machine
from bench.mortal import HOOK, REMOTE, UNSENT, Step
from config.start import processes

PATIENCE = 120.0  # seconds: limit for a training to end
DOUBLE = ("before it is asked", "while it trains", "trained, not fetched")
Kill = Callable[["RemoteScene", Any, Any], Outcome]


class RemoteScene(Scene):
    """Also the double of fal, whose state outlives its process."""

    def __init__(self, folder: Path) -> None:
        from tests.remote import FalDouble

        super().__init__(folder)
        self.fal = FalDouble(state=folder / "fal").start()
        self.more = {
            "STUDIO": "hosted",
            "FAL_URL": self.fal.address,
            "FAL_KEYS": ",".join(self.fal.keys),
            "ORIGIN": self.origin,
            "STUDIO_PROFILES": "nano,fal",
        }

    def start_worker(self) -> None:
        self.worker = self._start(with_doubles(processes.worker("remote", concurrency=4, pool="threads")))

    def restart_double(self) -> None:
        self.fal.kill()
        self.fal.start()


@contextmanager
def remote_scene(folder: Path) -> Iterator[RemoteScene]:
    made = RemoteScene(folder)
    know(made.fal)
    try:
        made.start_web()
        made.start_worker()
        yield made
    finally:
        for service in made.started:
            service.kill()
        made.fal.kill()


def know(fal: Any) -> None:
    """This process requests trainings, settles and sweeps: its settings know the service too."""
    from django.conf import settings

    from ml.remote.settings import Remote

    settings.REMOTES = {"fal": Remote("fal", tuple(fal.keys), fal.address)}
    settings.STUDIO_PROFILES = ["nano", "fal"]


def owner(name: str) -> Any:
    """A user with a twin that may be trained there."""
    from tests.hosted import ready_twin

    return ready_twin(person(name))


def kill_worker(at: RemoteScene, twin: Any, step: Step) -> Outcome:
    """The worker dies during a training, and a new one is started."""
    at.fal.reset()
    at.fal.pace(seconds=1.0)
    at.crash.write_text(step.name)
    training = start(twin)
    died = dead(at)
    at.worker.kill()
    at.start_worker()
    return well_again(at, training, died, sent=step != UNSENT)


def kill_web(at: RemoteScene, twin: Any, step: Step) -> Outcome:
    """The answer to the submit is lost, and the web process dies when the webhook names it: it comes
    again."""
    at.fal.reset()
    at.fal.pace(seconds=1.0)
    at.fal.scenario("answer_lost", model=at.fal.TRAINER, seconds=1.0)
    at.crash.write_text(step.name)
    training = start(twin)
    died = dead(at)
    at.web.kill()
    at.start_web()
    return well_again(at, training, died)


def kill_double(at: RemoteScene, twin: Any, step: str) -> Outcome:
    """The service dies and comes back."""
    at.fal.reset()
    at.fal.pace(at.fal.TRAINER, hold=True)
    if step == DOUBLE[0]:
        at.fal.kill()
    training = start(twin)
    if step != DOUBLE[0]:
        until(lambda: requests(training).filter(work="training", state="waiting").exists())
    if step == DOUBLE[2]:
        at.fal.finish()
    died = time.monotonic()
    at.restart_double()
    at.fal.pace(at.fal.TRAINER, polls=0)
    until(lambda: bool(at.fal.submitted(at.fal.TRAINER)))
    at.fal.finish()
    return well_again(at, training, died)


def start(twin: Any) -> Any:
    from billing import ledger
    from twins.services import start_training

    ledger.grant(ledger.wallet_of(twin.user), 100, cause=f"crash:{time.monotonic_ns()}")
    return start_training(twin, base="fal", seed=1)


def requests(training: Any) -> Any:
    from billing.engines.models import RemoteRequest

    return RemoteRequest.objects.filter(run_id=training.id)


def until(done: Callable[[], Any]) -> None:
    from billing.engines.settling import settle
    from config.runs.sweeper import sweep
    from tests.processes import wait_for

    def looked() -> Any:
        sweep()  # as celery beat would have them done
        settle()
        return done()

    wait_for(looked, PATIENCE)


def well_again(at: RemoteScene, training: Any, died: float, *, sent: bool = True) -> Outcome:
    def over() -> bool:
        training.refresh_from_db()
        return not training.is_open and not requests(training).open().exists()

    until(over)
    return Outcome(faults(at, training, sent), time.monotonic() - died)


def faults(at: RemoteScene, training: Any, sent: bool) -> list[str]:
    from django.db.models import Sum

    from billing import audit, ledger
    from billing.models import Transfer

    moved = Transfer.objects.filter(cause=training.cause).values_list("kind").annotate(n=Sum("amount"))
    kinds = ("capture", "hold") if sent else ("hold", "release")
    there = at.fal.submitted(at.fal.TRAINER)
    found: dict[str, tuple[Any, Any]] = {
        "end": (f"{training.status} {training.error_code}", "succeeded " if sent else "failed answer_lost"),
        "captured": (training.captured, training.price if sent else 0),
        "moved": (dict(moved.order_by("kind")), dict.fromkeys(kinds, training.price)),
        "held": (ledger.balance(ledger.wallet_of(training.user)).held, 0),
        "trainings there": (len(there), int(sent)),
        "breaches": (at.fal.breaches, []),
        "our requests": (requests(training).filter(work="training").count(), 1),
    }
    return [
        f"{what} is {is_}, not {should}" for what, (is_, should) in found.items() if is_ != should
    ] + audit.problems()


SWEEP: tuple[tuple[str, Kill, tuple[Any, ...]], ...] = (
    ("worker", kill_worker, REMOTE),
    ("web", kill_web, HOOK),
    ("service", kill_double, DOUBLE),
)


def main(times: int) -> int:
    with house(), tempfile.TemporaryDirectory() as folder:
        hurry()
        with remote_scene(Path(folder)) as at:
            return report(at, times)


def report(at: RemoteScene, times: int) -> int:
    print(machine())
    print(f"{'killed with -9':8}{'':36}{'times':>6}{'well again':>12}{'median s':>10}{'longest':>9}")
    bad = 0
    for who, kill, steps in SWEEP:
        for n, step in enumerate(steps):
            twin = owner(f"{who}-{n}")
            outcomes = [kill(at, twin, step) for _ in range(times)]
            wrong = [sentence for outcome in outcomes for sentence in outcome.wrong] + ledger_check(at.folder)
            took = [outcome.seconds for outcome in outcomes]
            well = sum(not outcome.wrong for outcome in outcomes)
            print(
                f"{who:8}{getattr(step, 'name', step):36}{times:6}{well:12}{statistics.median(took):10.1f}"
                f"{max(took):9.1f}" + "".join(f"\n    {sentence}" for sentence in wrong[:5]),
                flush=True,
            )
            bad += bool(wrong)
    return int(bad > 0)
