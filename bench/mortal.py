"""A web process or a worker that kills itself at a chosen step; bench/crash.py starts them.

The processes are the product's own. Where the environment's CRASH_AT names a file, `arm` wraps the
functions of every step. The process that reaches the step named in that file deletes the file and kills
itself with SIGKILL. So one file kills one process, and without the file nothing happens.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

UNANSWERED = 15.0  # seconds, instead of 30 minutes, that a webhook may name a lost training
LEASE = 2.0  # seconds, instead of 30; also the delay before unclaimed jobs are enqueued again


@dataclass(frozen=True)
class Step:
    """A step: before or after the `nth` call of a function (module:name), counted since the file names it."""

    name: str
    where: str
    after: bool = False
    nth: int = 1


ANSWER = "config.asgi:application"  # of the web process; `answering` looks for it
WEB = (
    Step("asked, nothing written", "billing.ledger:hold"),
    Step("held, no row yet", "billing.ledger:hold", after=True),
    Step("row inserted, not committed", "billing.runs:PaidRun.enqueue", after=True),
    Step("committed, not enqueued", "config.runs.broker:enqueue"),
    Step("enqueued, not answered", "config.runs.broker:enqueue", after=True),
    Step("about to answer", ANSWER),
    Step("answered", ANSWER, after=True),
)
WORKER = (
    Step("claimed", "billing.runs:PaidRun.claim", after=True),
    Step("renders picture 0", "tests.studio:paint"),
    Step("files of 0 written, no row", "generation.kinds.image:save_item", after=True),
    Step("picture 0 delivered", "generation.tasks:deliver", after=True),
    Step("files of 1 written, no row", "generation.kinds.image:save_item", after=True, nth=2),
    Step("all delivered, not finished", "generation.models:Job.finish"),
    Step("ended, not captured", "billing.ledger:settle"),
    Step("captured, not committed", "billing.runs:PaidRun.on_end", after=True),
    Step("committed", "generation.models:Job.finish", after=True),
)

# A training at a service, in the worker `remote`.
JOURNAL = "billing.engines.journal:Journal"
REMOTE = (
    Step("claimed, nothing sent", "billing.runs:PaidRun.claim", after=True),
    Step("written down, not sent", f"{JOURNAL}.begin", after=True),
    Step("sent, answer lost", "ml.remote.fal:Fal._submit_at", after=True),
    Step("their id is written down", f"{JOURNAL}.sent", after=True),
    Step("waits", "billing.engines.bells:Bell.wait"),
    Step("twin fetched, not written down", "ml.remote.lora:with_facts", after=True),
    Step("twin fetched", f"{JOURNAL}.ended", after=True),
    Step("a scene is sent", f"{JOURNAL}.sent", after=True, nth=2),
    Step("a scene is fetched", f"{JOURNAL}.ended", after=True, nth=2),
    Step("all there, not finished", "twins.models:Training.finish"),
    Step("ended, not captured", "billing.ledger:settle"),
    Step("captured, not committed", "twins.models:Training.on_end", after=True),
    Step("committed", "twins.models:Training.finish", after=True),
)
UNSENT = REMOTE[1]  # whether it arrived is not known: it is never sent again
# A webhook, in the web process.
HOOK = (
    Step("webhook came", "billing.engines.webhooks:receive"),
    Step("webhook noted, not answered", "billing.engines.webhooks:receive", after=True),
)


def arm() -> None:
    """Wraps every step's function. Requires Django's setup."""
    from config.runs import worker
    from ml.remote import training

    worker.LEASE, worker.BEAT = timedelta(seconds=LEASE), LEASE / 4
    training.RULE = replace(training.RULE, unanswered=UNANSWERED)
    for step in WEB + WORKER + REMOTE + HOOK:
        if step.where != ANSWER:
            module, _colon, name = step.where.partition(":")
            owner, _dot, function = name.rpartition(".")
            wrap(getattr(import_module(module), owner) if owner else import_module(module), function, step)


def wrap(owner: Any, name: str, step: Step) -> None:
    raw = inspect.getattr_static(owner, name)
    function, calls = getattr(raw, "__func__", raw), Calls(step)

    @functools.wraps(function)
    def mortal(*args: Any, **kwargs: Any) -> Any:
        if not step.after:
            calls.count()
        answer = function(*args, **kwargs)
        if step.after:
            calls.count()
        return answer

    setattr(owner, name, classmethod(mortal) if isinstance(raw, classmethod) else mortal)


class Calls:
    """Counts the calls of a step while the file names it."""

    def __init__(self, step: Step) -> None:
        self.step, self.file, self.seen = step, Path(os.environ["CRASH_AT"]), 0

    @property
    def chosen(self) -> bool:
        return self.file.exists() and self.file.read_text() == self.step.name

    def count(self) -> None:
        if not self.chosen:
            return
        self.seen += 1
        if self.seen == self.step.nth:
            self.file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def application() -> Any:
    """The ASGI application, for granian's --factory."""
    from config.asgi import application as inner

    arm()
    before, after = (Calls(step) for step in WEB if step.where == ANSWER)

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            before.count()
            await send(message)

        chosen = after.chosen  # for this request, not while it is ending
        await inner(scope, receive, told)
        if chosen:
            await asyncio.sleep(0.2)  # lets the answer reach the client
            after.count()

    return answering
