from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from config.start import embedded, logs, parts
from config.start import supervisor as run
from config.start.processes import Process

pytestmark = pytest.mark.workers
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from pathlib import Path
from config.start import parts, supervisor
from config.start.processes import Process
given = json.loads(sys.argv[1])
rows = {
    part: tuple(Process(name, tuple(argv)) for name, argv in given[part]) for part in ("steps", "programs")
}
parts.PAUSE = 0.02
sys.exit(supervisor.run(supervisor.Startup(**rows, var=Path(given["var"]), port=given["port"])))
"""
PRINT = "import os, signal, time; print('pid', os.getpid(), flush=True);"
SLEEPER = (sys.executable, "-c", f"{PRINT} time.sleep(60)")
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
STUBBORN = (sys.executable, "-c", f"{DEAF} {PRINT} time.sleep(60)")


class Running:
    """A supervisor in its own process, and the lines it has printed so far."""

    def __init__(self, var: Path, *, programs: dict, steps: dict | None = None, **environment: str) -> None:
        self.port, self.var = free_port(), var
        (var / "healthz").touch()
        web = (
            sys.executable,
            "-m",
            "http.server",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--directory",
            str(var),
        )
        given = {
            "steps": list((steps or {}).items()),
            "programs": list({"web": web, **programs}.items()),
            "var": str(var),
            "port": self.port,
        }
        elsewhere = {"DATABASE_URL": "postgresql://elsewhere", "REDIS_URL": "redis://elsewhere"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, json.dumps(given)],
            cwd=ROOT,
            env={**os.environ, **elsewhere, **environment},
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip())

    def saw(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def pids(self, name: str) -> list[int]:
        """The pids of all starts of a program that prints its pid."""
        log = logs.path(self.var, name)
        lines = log.read_text().splitlines() if log.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith("pid ")]

    def pid(self, name: str) -> int:
        until(lambda: self.pids(name), self)
        return self.pids(name)[-1]

    def ready(self) -> Running:
        until(lambda: self.saw(f"http://127.0.0.1:{self.port}"), self)
        return self

    def end(self, number: int | None = signal.SIGINT) -> int:
        if number is not None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=300)
        self.reader.join(timeout=300)
        return status


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    all_running: list[Running] = []

    def begin(**settings) -> Running:
        all_running.append(Running(tmp_path, **settings))
        return all_running[-1]

    yield begin
    for running in all_running:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def until(condition: Callable[[], bool], running: Running | None = None) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, running and running.lines
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def alive(pid: int) -> bool:
    """Whether the process runs. A zombie, which its parent has not yet waited for, does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], text=True, capture_output=True
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_prints_the_address_and_the_demonstration_once_it_answers(start, tmp_path):
    (tmp_path / "demo.txt").write_text("E-mail: demo@example.com\nPassword: drawn-by-lot\n")
    running = start(programs={"one": SLEEPER}).ready()
    until(lambda: running.saw("Password: drawn-by-lot"), running)
    assert running.saw("E-mail: demo@example.com")
    assert running.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_child_with_status_0(start, number):
    running = start(programs={"one": SLEEPER, "two": SLEEPER})
    pids = [running.pid("one"), running.pid("two")]
    assert running.end(number) == 0
    assert not any(alive(pid) for pid in pids)


def test_a_program_that_is_killed_is_started_again_and_the_others_go_on(start):
    running = start(programs={"one": SLEEPER, "two": SLEEPER})
    other, killed = running.pid("one"), running.pid("two")
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(running.pids("two")) == 2, running)
    assert running.saw("two ended with status -9 and is started again; see ")
    assert alive(other)
    assert running.end() == 0


def test_a_program_that_keeps_ending_at_once_stops_make_run_with_its_last_lines(start):
    broken = (sys.executable, "-c", f"{PRINT} raise SystemExit('no such file')")
    running = start(programs={"one": SLEEPER, "two": broken})
    assert running.end(None) == 1
    assert running.saw("two ended with status 1, 4 times at once after its start. The end of ")
    assert running.saw("    no such file")
    assert len(running.pids("two")) == parts.MOST_ENDS
    assert not alive(running.pid("one"))


def test_a_killed_redis_is_started_again_at_its_address(start, tmp_path):
    running = start(programs={}, REDIS_URL="").ready()
    service = embedded.RedisService(tmp_path / "redis")
    url = service.url
    with Redis.from_url(url) as client:
        os.kill(client.info()["process_id"], signal.SIGKILL)
    until(lambda: running.saw("Redis ended and is started again"), running)
    until(service.answers, running)
    assert service.url == url
    assert running.end() == 0
    assert not service.running()


def test_a_killed_postgresql_is_started_again_with_its_data(start, tmp_path):
    running = start(programs={}, DATABASE_URL="").ready()
    service = embedded.PostgresService(tmp_path / "postgres")
    with psycopg.connect(service.url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")
    os.kill(int((service.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    until(lambda: running.saw("PostgreSQL ended and is started again"), running)
    until(service.answers, running)
    with psycopg.connect(service.url) as connection:
        assert connection.execute("select n from kept").fetchone() == (7,)
    assert running.end() == 0
    service.discard()


def test_a_second_make_run_in_the_same_folder_is_refused(start):
    running = start(programs={}).ready()
    second = start(programs={})
    assert second.end(None) == 1
    assert second.saw("Another `make run` uses")
    assert running.end() == 0


def test_a_log_is_cut_while_it_is_written(tmp_path):
    file = tmp_path / "log" / "one.log"
    with logs.opened(file) as writer:
        writer.write(b"before" * 100)
        writer.flush()
        logs.cut(file, most=100)
        writer.write(b"after\n")
    assert file.read_text() == "after\n"
    assert (tmp_path / "log" / "one.log.old").read_bytes() == b"before" * 100


def test_a_log_that_is_cut_on_a_full_disk_stops_nothing(tmp_path, monkeypatch):
    def full(_source, target):
        target.write_bytes(b"a part of it")
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(logs.shutil, "copyfile", full)
    file = tmp_path / "one.log"
    file.write_bytes(b"before" * 100)
    logs.cut(file, most=100)
    assert [(each.name, each.stat().st_size) for each in tmp_path.iterdir()] == [("one.log", 0)]


def test_a_second_signal_kills_a_program_that_ignores_sigterm(start):
    running = start(programs={"deaf": STUBBORN})
    pid = running.pid("deaf")
    running.process.send_signal(signal.SIGINT)
    until(lambda: running.saw("Stopping"), running)
    assert running.end() == 0
    assert not alive(pid)


def test_processes_started_by_a_program_end_too(start):
    parent = (sys.executable, "-c", f"import subprocess; subprocess.run({SLEEPER!r})")
    running = start(programs={"one": parent})
    grandchild = running.pid("one")
    assert running.end() == 0
    until(lambda: not alive(grandchild))


def test_steps_run_before_the_programs_and_a_failed_step_stops_make_run(start):
    failing = ("sh", "-c", "echo for this reason; exit 1")
    running = start(steps={"first": ("echo", "done"), "second": failing}, programs={"one": SLEEPER})
    assert running.end(None) == 1
    assert logs.last_lines(logs.path(running.var, "first")) == ["done"]
    assert running.saw("second failed with status 1. The end of ")
    assert running.saw("    for this reason")
    assert not running.pids("one")


def test_servers_started_by_make_run_end_with_it(start, tmp_path):
    running = start(programs={}, REDIS_URL="").ready()
    service = embedded.RedisService(tmp_path / "redis")
    assert service.answers()
    assert running.end() == 0
    assert not service.running()


def test_servers_that_ran_before_make_run_stay_up(start, tmp_path):
    service = embedded.redis(tmp_path / "redis")
    try:
        assert start(programs={}, REDIS_URL="").ready().end() == 0
        assert service.answers()
    finally:
        service.discard()


def test_a_port_in_use_is_reported_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        startup = run.Startup((), (Process("one", SLEEPER),), tmp_path / "var", port=other.getsockname()[1])
        with pytest.raises(run.RunError, match="in use.*make run PORT="):
            run.run(startup)
    assert not (tmp_path / "var").exists()


def test_a_port_that_is_no_number_is_reported(monkeypatch, capsys):
    monkeypatch.setenv("PORT", "http")
    assert run.main() == 1
    assert "PORT is a number" in capsys.readouterr().out


def test_a_checkout_runs_the_web_four_workers_and_beat(tmp_path):
    startup = run.checkout_startup(host="0.0.0.0", port=8123, var=tmp_path)
    assert [step.name for step in startup.steps] == ["migrate", "demo"]
    assert [row.name for row in startup.programs] == ["web", "train", "render", "cpu", "io", "beat"]
    assert startup.address == "http://127.0.0.1:8123"
    assert str(tmp_path / "beat") in startup.programs[-1].argv


def test_with_a_key_of_a_company_its_worker_runs_too(tmp_path, monkeypatch):
    monkeypatch.setenv("FAL_KEYS", "id:secret")
    startup = run.checkout_startup(host="0.0.0.0", port=8123, var=tmp_path)
    assert "remote" in [row.name for row in startup.programs]
