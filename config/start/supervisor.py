"""`make run`: starts the servers, makes the tables and the demonstration, then runs web, workers and beat
until Ctrl-C.

With DOUBLES=1 it also starts doubles of the services that hosted engines run at (doubles.py).

It listens at HOST and PORT (default 127.0.0.1 and 8000) and keeps files in VAR (default var). The terminal
shows a few lines, and one for each incident; the output of the programs goes to var/log/.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from config.start import checkout, doubles, embedded, engines, logs, processes
from config.start.doubles import Double
from config.start.env import Misconfigured
from config.start.parts import Part, Program, RunError, Server, say
from config.start.processes import Process

GRACE = 10.0  # seconds from SIGTERM to SIGKILL; a killed worker's run is claimed again at the next start
TICK = 0.1  # seconds between two checks of the parts
SAYS = {"migrate": "Bringing the database's tables up to date", "demo": "Filling in the demonstration"}


@dataclass(frozen=True)
class Startup:
    """`steps` run one after another and must succeed; then `programs` run together."""

    steps: tuple[Process, ...]
    programs: tuple[Process, ...]
    var: Path
    host: str = "127.0.0.1"
    port: int = 8000  # 0: nobody waits to hear that it answers
    doubles: tuple[Double, ...] = ()
    grace: float = GRACE

    @property
    def near_host(self) -> str:
        """`host`, or the loopback address when `host` means every address."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def address(self) -> str:
        host = f"[{self.near_host}]" if ":" in self.near_host else self.near_host
        return f"http://{host}:{self.port}"


def checkout_startup(*, host: str, port: int, var: Path) -> Startup:
    """The start of a checkout: the whole table, and the demonstration. The worker of hosted engines is left
    out where no service has a key. Raises Misconfigured."""
    rows, found = processes.table(host=host, port=port, var=var), doubles.wanted(var)
    if not (found or engines.remotes()):
        rows = tuple(row for row in rows if row.name != processes.REMOTE)
    steps = [row for row in rows if row.once] + [processes.manage("demo", "load_demo")]
    programs = tuple(row for row in rows if not row.once)
    return Startup(tuple(steps), programs, var, host, port, found)


def run(startup: Startup) -> int:
    """Returns 0 after Ctrl-C, SIGTERM or a closed terminal, 1 when a step failed or a part kept ending.

    Stops everything it started and nothing else. Raises RunError or EmbeddedError when it cannot begin.
    """
    check_port(startup.host, startup.port)
    startup.var.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(startup)
    supervisor.listen()
    with ExitStack() as afterwards:
        if not afterwards.enter_context(checkout.claimed(startup.var)):
            raise RunError(
                f"Another `make run` uses {startup.var}: stop it, or choose another folder with VAR."
            )
        os.environ.setdefault("LOG_FORMAT", "text")
        os.environ["ORIGIN"] = os.environ.get("ORIGIN") or startup.address
        say(f"Starting PostgreSQL and Redis in {startup.var}")
        for service in checkout.prepare(startup.var):
            supervisor.parts.append(Server(service))
            if service.started:
                afterwards.callback(service.stop)
        doubles.enter(startup.doubles)
        checkout.publish(startup.var, *(doubles.NAMES if startup.doubles else ()))
        afterwards.callback(supervisor.end)  # added last, so called first
        return supervisor.run()


def check_port(host: str, port: int) -> None:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        other = 8123 if port != 8123 else 8124
        raise RunError(
            f"Cannot listen on {host}, port {port}: {reason}. "
            f"Stop the program that listens there, or choose another port: make run PORT={other}"
        ) from error


@dataclass
class Supervisor:
    startup: Startup
    signals: int = 0  # stop signals so far; a plain number, because a handler must not wait for a lock
    parts: list[Part] = field(default_factory=list)

    @property
    def programs(self) -> list[Program]:
        return [part for part in self.parts if isinstance(part, Program)]

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._count)
        signal.signal(signal.SIGTERM, self._count)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup asks to outlive the terminal
            signal.signal(signal.SIGHUP, self._count)

    def _count(self, *_: object) -> None:
        self.signals += 1

    def run(self) -> int:
        if self.startup.doubles:
            say(doubles.told(self.startup.doubles))
        for double in self.startup.doubles:
            self.begin(double.process)
        for step in self.startup.steps:
            say(SAYS.get(step.name, step.name))
            if not self.finish(step):
                return 0 if self.signals else 1
        programs = self.startup.programs
        say(f"Starting {', '.join(p.name for p in programs)}")
        for process in programs:
            self.begin(process)
        return self.watch()

    def begin(self, process: Process) -> Program:
        program = Program(process, var=self.startup.var, origin=os.environ["ORIGIN"])
        program.begin()
        self.parts.append(program)
        return program

    def finish(self, step: Process) -> bool:
        """Runs a step to its end. False when it failed, and when a stop signal came."""
        program = self.begin(step)
        while program.alive() and not self.signals:
            time.sleep(TICK)
        if self.signals:
            return False
        self.parts.remove(program)
        if program.child and program.child.returncode:
            say(f"{step.name} failed with status {program.child.returncode}. The end of {program.log}:")
            for line in logs.last_lines(program.log):
                say(f"    {line}")
            return False
        return True

    def watch(self) -> int:
        announced = self.startup.port == 0
        try:
            while not self.signals:
                self.look()
                if not announced and answers(self.startup):
                    announced = True
                    announce(self.startup)
                time.sleep(TICK)
        except (RunError, embedded.EmbeddedError) as error:
            say(str(error))
            return 1
        return 0

    def look(self) -> None:
        for part in self.parts:
            part.look()
            logs.cut(part.log)

    def end(self) -> None:
        """Sends SIGTERM to each program. After the grace, or after another signal, kills what is left."""
        asked, deadline = self.signals, time.monotonic() + self.startup.grace
        if any(program.alive() for program in self.programs):
            say("Stopping; Ctrl-C again ends it at once")
        for program in self.programs:
            program.terminate()
        while any(program.alive() for program in self.programs):
            if self.signals != asked or time.monotonic() > deadline:
                break
            time.sleep(TICK)
        for program in self.programs:
            program.kill()


def answers(startup: Startup) -> bool:
    connection = HTTPConnection(startup.near_host, startup.port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def announce(startup: Startup) -> None:
    say(f"PhotoFlux answers at {startup.address}")
    demo = startup.var / "demo.txt"
    for line in demo.read_text().splitlines() if demo.exists() else ():
        say(line)
    say("`make logs` shows what they do, mails too; Ctrl-C stops all of it")


def main() -> int:
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    try:
        if not port.isdecimal():
            raise RunError(f"PORT is a number, not “{port}”.")
        return run(checkout_startup(host=host, port=int(port), var=checkout.var_folder()))
    except (RunError, embedded.EmbeddedError, Misconfigured) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
