"""The two colours of a machine that is released without a gap (release.py). One serves; the next release
starts as the other. Each has its own tree of the code and its own web processes, and its own workers.

python -m config.start.colours blue|green web|work

runs a part of a colour until SIGTERM: `web` is its web processes, at ports after PORT, where HAProxy listens;
`work` is the workers and beat. A program that ends is started again. Logs are in VAR/log.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from config.start import checkout, engines, env, processes
from config.start.parts import RunError, say
from config.start.processes import Process
from config.start.supervisor import Startup, Supervisor

COLOURS = ("blue", "green")
PARTS = ("web", "work")
WEBS = 2  # web processes of a colour: one may end while the other answers
GRACE = 25.0  # seconds, less than systemd waits, for a worker to hand its run back


def other(colour: str) -> str:
    return COLOURS[1 - COLOURS.index(colour)]


def ports(colour: str, port: int) -> range:
    """Where the web processes of a colour listen, when HAProxy listens at `port`."""
    first = port + 1 + COLOURS.index(colour) * WEBS
    return range(first, first + WEBS)


def rows(colour: str, part: str, *, port: int, var: Path) -> tuple[Process, ...]:
    """The part's processes, from the table of processes.py. The worker of hosted engines is left out where no
    service has a key."""
    if part == "web":
        webs = ((processes.web("127.0.0.1", at), at) for at in ports(colour, port))
        return tuple(replace(row, name=f"{row.name}-{at}") for row, at in webs)
    table = processes.table(host="127.0.0.1", port=port, var=var)
    left_out = {"web"} if engines.remotes() else {"web", processes.REMOTE}
    return tuple(row for row in table if not row.once and row.name not in left_out)


def run(colour: str, part: str) -> int:
    """Returns 0 after SIGTERM, 1 when a program kept ending."""
    port, var = env.number("PORT", 8000), checkout.var_folder()
    os.environ["ORIGIN"] = env.text("ORIGIN", f"http://127.0.0.1:{port}")
    startup = Startup((), rows(colour, part, port=port, var=var), var, port=0, grace=GRACE)
    supervisor = Supervisor(startup)
    supervisor.listen()
    try:
        return supervisor.run()
    finally:
        supervisor.end()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m config.start.colours", description="Runs a part of a colour."
    )
    parser.add_argument("colour", choices=COLOURS)
    parser.add_argument("part", choices=PARTS)
    args = parser.parse_args(argv)
    import_module(
        os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings")
    )  # exits when a setting is missing
    try:
        return run(args.colour, args.part)
    except RunError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
