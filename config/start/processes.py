"""The table of an installation's processes: command, queue, concurrency and environment of each.

`make run` reads it (supervisor.py). A container or a systemd unit runs `python -m config.start.processes
NAME`, which checks the settings and then becomes that process. The web server listens at HOST and PORT;
files are kept in the folder VAR.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from config.start import checkout, env

REMOTE = "remote"  # the worker of hosted engines
SETTINGS = {"DJANGO_SETTINGS_MODULE": "config.settings"}
# Workers download nothing. One OpenBLAS thread: numpy's threads and torch's slow each other.
WORKER = SETTINGS | {"HF_HUB_OFFLINE": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Process:
    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)  # defaults: os.environ overrides them
    once: bool = False  # ends by itself, and must succeed

    def env(self) -> dict[str, str]:
        return {"PROCESS": self.name, **self.environment, **os.environ}


def table(*, host: str, port: int, var: Path) -> tuple[Process, ...]:
    return (
        manage("migrate", "migrate", "--noinput"),
        web(host, port),
        worker("train", concurrency=1),
        worker("render", concurrency=1),
        worker("cpu", concurrency=2),
        worker("io", concurrency=2),
        worker(REMOTE, concurrency=64, pool="threads"),  # each waits for a service
        beat(var),
    )


def manage(name: str, *arguments: str) -> Process:
    return Process(name, (sys.executable, str(checkout.ROOT / "manage.py"), *arguments), SETTINGS, once=True)


def web(host: str, port: int) -> Process:
    listen = ("--interface", "asgi", "--host", host, "--port", str(port))
    # Event streams stay open for hours; a stop must not wait for them.
    lives = ("--workers-kill-timeout", "3", "--respawn-failed-workers")
    # A connection is an open stream (1,000 and more of them), or a request.
    many = ("--backlog", "2048", "--backpressure", "8192")
    logged = ("--log-config", str(checkout.ROOT / "config" / "start" / "granian.json"))
    command = (sys.executable, "-m", "granian", *listen, *lives, *many, *logged, "config.asgi:application")
    return Process("web", command, SETTINGS)


def worker(queue: str, *, concurrency: int, pool: str = "prefork") -> Process:
    size = ("-Q", queue, "--pool", pool, "-c", str(concurrency), "--prefetch-multiplier", "1")
    # The leases in the database say which worker is alive, not the broker.
    alone = ("-n", f"{queue}@%h", "--without-gossip", "--without-mingle", "--without-heartbeat")
    command = (sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker", *size, *alone)
    # Several tasks run at once, and several threads for each would slow all of them.
    several = {"OMP_NUM_THREADS": "1"} if concurrency > 1 else {}
    # glibc keeps memory for each of many threads by itself, and gives little of it back.
    threads = {"MALLOC_ARENA_MAX": "2"} if pool == "threads" else {}
    return Process(queue, command, WORKER | several | threads)


def beat(var: Path) -> Process:
    command = ("celery", "--quiet", "-A", "config", "beat", "--schedule", str(var / "beat"))
    return Process("beat", (sys.executable, "-m", *command), SETTINGS)


def here() -> dict[str, Process]:
    """The table by name, for this environment."""
    host, port = env.text("HOST", "127.0.0.1"), env.number("PORT", 8000)
    return {process.name: process for process in table(host=host, port=port, var=checkout.var_folder())}


def main() -> None:
    rows = here()
    parser = argparse.ArgumentParser(
        prog="python -m config.start.processes", description="Becomes a process of the table."
    )
    parser.add_argument("name", choices=rows)
    process = rows[parser.parse_args().name]
    os.environ |= process.env()
    import_module(os.environ["DJANGO_SETTINGS_MODULE"])  # exits when a setting is missing or malformed
    os.chdir(checkout.ROOT)
    os.execv(process.argv[0], process.argv)


if __name__ == "__main__":
    main()
