"""What `make run` does: servers, tables, demonstration, then web, workers and beat until Ctrl-C.

HOST and PORT in the environment say where it listens (127.0.0.1 and 8000), VAR where it keeps its files (var).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from config.start import embedded

ROOT = Path(__file__).resolve().parents[2]
GRACE = (
    10.0  # seconds from SIGTERM to SIGKILL: a training that is cut off is taken up again at the next start
)
TICK = 0.1  # seconds between looks at the children


class RunError(Exception):
    """It cannot start; the sentence says what to do."""


@dataclass(frozen=True)
class Command:
    name: str  # stands before each of its lines
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """`steps` run one after another and must succeed; then `programs` run together until one of them ends."""

    steps: tuple[Command, ...]
    programs: tuple[Command, ...]
    var: Path
    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def near_host(self) -> str:
        """`host`, or where one reaches it from here when it means every address."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def address(self) -> str:
        host = f"[{self.near_host}]" if ":" in self.near_host else self.near_host
        return f"http://{host}:{self.port}"


def checkout_plan(*, host: str, port: int, var: Path) -> Plan:
    """What a checkout runs."""
    python = sys.executable
    steps = [Command("migrate", (python, "manage.py", "migrate", "--noinput"))]
    if any(ROOT.glob("*/management/commands/load_demo.py")):
        steps.append(Command("demo", (python, "manage.py", "load_demo")))
    beat = ("celery", "-A", "config", "beat", "--schedule", str(var / "beat"))
    programs = (
        web(host, port),
        worker("train", concurrency=1),
        worker("render", concurrency=1),
        worker("cpu", concurrency=2),
        worker("io", concurrency=2),
        Command("beat", (python, "-m", *beat)),
    )
    return Plan(tuple(steps), programs, var, host, port)


def web(host: str, port: int) -> Command:
    # Event streams are open for hours: a stop does not wait for their readers.
    listen = (
        "--interface",
        "asgi",
        "--host",
        host,
        "--port",
        str(port),
        "--workers-kill-timeout",
        "3",
        "--respawn-failed-workers",
    )
    return Command("web", (sys.executable, "-m", "granian", *listen, "config.asgi:application"))


def worker(queue: str, *, concurrency: int) -> Command:
    alone = (
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )  # the rows say who is alive, not the broker
    size = ("-c", str(concurrency), "--prefetch-multiplier", "1")
    # Two photos are checked side by side: threads of their own would only get in each other's way.
    threads = ("env", "OMP_NUM_THREADS=1") if concurrency > 1 else ()
    return Command(
        queue,
        (
            *threads,
            sys.executable,
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "-Q",
            queue,
            *size,
            "-n",
            f"{queue}@%h",
            *alone,
        ),
    )


def run(plan: Plan) -> int:
    """0 after Ctrl-C, SIGTERM or a closed terminal, 1 when a step failed or a program ended by itself.

    Stops everything it started and nothing else. Raises RunError or EmbeddedError when it cannot begin.
    """
    check_port(plan.host, plan.port)
    plan.var.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(plan)
    supervisor.listen()
    with ExitStack() as afterwards:
        for service in embedded.ensure(plan.var):
            afterwards.callback(service.stop)
        afterwards.callback(supervisor.end)  # the last to be added is the first to be called
        return supervisor.run()


def check_port(host: str, port: int) -> None:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(
            f"Cannot listen on {host}, port {port}: {reason}. "
            f"Stop the program that listens there, or choose another port: make run PORT={8123 if port != 8123 else 8124}"
        ) from error


@dataclass
class Supervisor:
    plan: Plan
    signals: int = 0  # how often we were asked to stop; a flag, because a handler must not wait for a lock
    children: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    readers: list[threading.Thread] = field(default_factory=list)

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._count)
        signal.signal(signal.SIGTERM, self._count)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup asks to outlive the terminal
            signal.signal(signal.SIGHUP, self._count)

    def _count(self, *_: object) -> None:
        self.signals += 1

    def run(self) -> int:
        for step in self.plan.steps:
            if not self.finish(step):
                return 0 if self.signals else 1
        for program in self.plan.programs:
            self.begin(program)
        return self.watch()

    def begin(self, command: Command) -> subprocess.Popen[str]:
        # A session of its own: the terminal's Ctrl-C reaches us alone, and we end the children in order.
        child = subprocess.Popen(
            command.argv,
            cwd=ROOT,
            env=self.environment(),
            start_new_session=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.children[command.name] = child
        reader = threading.Thread(target=relay, args=(command.name, child), daemon=True)
        reader.start()
        self.readers.append(reader)
        return child

    def environment(self) -> dict[str, str]:
        origin = os.environ.get("ORIGIN") or self.plan.address
        return {**os.environ, "ORIGIN": origin, "VAR": str(self.plan.var), "PYTHONUNBUFFERED": "1"}

    def finish(self, step: Command) -> bool:
        """Whether it succeeded; False as well when we are asked to stop meanwhile."""
        child = self.begin(step)
        while child.poll() is None and not self.signals:
            time.sleep(TICK)
        if child.returncode:
            say(f"{step.name} failed with status {child.returncode}")
        if child.returncode != 0:
            return False
        del self.children[step.name]
        return not self.signals

    def watch(self) -> int:
        announced = False
        while not self.signals:
            if dead := next(
                (name for name, child in self.children.items() if child.poll() is not None), None
            ):
                say(
                    f"{dead} ended by itself with status {self.children[dead].returncode}; stopping the others"
                )
                return 1
            if not announced and answers(self.plan):
                announced = True
                announce(self.plan)
            time.sleep(TICK)
        return 0

    def end(self) -> None:
        """SIGTERM to each child, then SIGKILL to what is left of its session, at once if we are asked again."""
        asked, deadline = self.signals, time.monotonic() + GRACE
        living = [child for child in self.children.values() if child.poll() is None]
        if living:
            say("stopping; again ends it at once")
        for child in living:
            child.terminate()
        while (
            any(child.poll() is None for child in living)
            and self.signals == asked
            and time.monotonic() < deadline
        ):
            time.sleep(TICK)
        for child in self.children.values():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for reader in self.readers:
            reader.join(timeout=1)


def relay(name: str, child: subprocess.Popen[str]) -> None:
    for line in child.stdout or ():
        say(line.rstrip("\n"), name)


def say(line: str, name: str = "run") -> None:
    with suppress(OSError):  # the terminal may be gone, the children must still be ended
        sys.stdout.write(f"{name:8}| {line}\n")
        sys.stdout.flush()


def answers(plan: Plan) -> bool:
    connection = HTTPConnection(plan.near_host, plan.port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def announce(plan: Plan) -> None:
    say(f"PhotoFlux answers at {plan.address} (Ctrl-C stops it)")
    demo = plan.var / "demo.txt"
    for line in demo.read_text().splitlines() if demo.exists() else ():
        say(line)


def main() -> int:
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    var = Path(os.environ.get("VAR") or ROOT / "var").resolve()
    try:
        if not port.isdecimal():
            raise RunError(f"PORT is a number, not “{port}”.")
        return run(checkout_plan(host=host, port=int(port), var=var))
    except (RunError, embedded.EmbeddedError) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
