"""Kills a process at a database statement: `python -m tests.mortal USER TWIN [STRIDE] [END]`.

In each round a child requests two pictures, and renders them or gives them up (END is `render` or `give_up`).
It kills itself before statement 1 in the first
round, before statement 1 + STRIDE in the second, and so on, until a child survives. After each death another
child recovers: it sends the request again, runs the sweeper and comes to the same end.

Prints a line of JSON for each death. The parent opens no database connection, so that no child inherits one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import django


def main(user: str, twin: str, stride: str = "1", end: str = "render") -> int:
    django.setup()
    load_tasks()
    from config import studio
    from tests.studio import EngineDouble

    studio.use_engine("nano", EngineDouble())

    def die(at: int) -> None:
        die_at(at)
        ENDS[end](ask(user, twin, f"round-{at}"))

    def repair(at: int) -> None:
        print(json.dumps({"at": at} | recover(user, twin, f"round-{at}", ENDS[end])), flush=True)

    at = 1
    while in_child(partial(die, at)):
        if in_child(partial(repair, at)):
            return 1
        at += int(stride)
    return 0


def load_tasks() -> None:
    """Before the first fork: else each child would load them, which takes a second."""
    from celery import current_app
    from PIL import Image

    from ml.words.screening import refuse_prompt

    current_app.loader.import_default_modules()
    current_app.connection_for_write().get_transport_cls()
    Image.init()
    refuse_prompt("in a park")  # reads the lists of words


def in_child(act: Callable[[], Any]) -> bool:
    """Runs `act` in a forked child. Returns whether a signal killed it."""
    if child := os.fork():
        _pid, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return True
        if os.waitstatus_to_exitcode(status):
            sys.exit("a child ended with an error")
        return False
    code = 1
    try:
        act()
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_at(at: int) -> None:
    """Kills this process before its `at`-th database call from now on: a statement or a commit."""
    from django.db import connection

    left = iter(range(at - 1, -1, -1))

    def count() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        count()
        return execute(sql, params, many, context)

    commit = connection._commit

    def counted_commit() -> Any:
        count()
        return commit()

    connection.execute_wrappers.append(statement)
    connection._commit = counted_commit  # type: ignore[method-assign]


def ask(user: str, twin: str, key: str) -> Any:
    from accounts.models import User
    from generation.services import request_images
    from twins.models import Twin

    owner = User.objects.get(id=user)
    return request_images(
        owner,
        twin=Twin.objects.owned_by(owner).get_or_404(twin),
        prompt="in a park",
        count=2,
        seed=5,
        key=key,
    )


def render(job: Any) -> None:
    from generation.tasks import render

    render(str(job.id))


def give_up(job: Any) -> None:
    """A worker begins the first picture, and then the owner cancels."""
    if run := type(job).claim(job.id):
        run.progress("rendering", 0.25)
        run.cancel()
        run.end_cancelled()


ENDS = {"render": render, "give_up": give_up}


def recover(user: str, twin: str, key: str, end: Callable[[Any], None]) -> dict[str, Any]:
    from billing import audit, ledger
    from config.runs.sweeper import sweep_kind
    from gallery.models import Item
    from tests.processes import lapse

    job = ask(user, twin, key)
    if job.status == "running":
        lapse(job)
        sweep_kind(type(job))
    end(job)
    job.refresh_from_db()
    left = ledger.balance(ledger.wallet_of(job.user))
    return {
        "status": job.status,
        "captured": job.captured,
        "pictures": Item.objects.filter(job=job.id).count(),
        "jobs": type(job).objects.count(),
        "available": left.available,
        "held": left.held,
        "wrong": audit.problems(),
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
