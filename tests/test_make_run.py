"""`make run`: its output, its processes, restarts after kills, and Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery
from django.db import connection
from redis import Redis

from accounts.models import User
from config.start import checkout, embedded
from generation.management.commands.load_demo import EMAIL
from tests.database import migrated_dump
from tests.plugin import Share
from tests.processes import wait_for

pytestmark = pytest.mark.workers
ROOT = Path(__file__).resolve().parent.parent
# Variables of the test process that `make run` must not see.
NOT_OURS = {*checkout.NAMES, "DJANGO_SETTINGS_MODULE", "VAR"}


class MakeRun:
    """The process that `make run` starts after the setup, in its own folder."""

    def __init__(self, folder: Path) -> None:
        self.var, self.output = folder / "var", folder / "output"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = {key: value for key, value in os.environ.items() if key not in NOT_OURS}
        self.environment |= {"VAR": str(self.var), "PORT": str(self.port)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.start.supervisor"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def printed(self) -> list[str]:
        return self.output.read_text().splitlines()

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the product beside it, with the environment of a user's shell."""
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )

    def status(self, path: str) -> int:
        line = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", path)
            return line.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            line.close()

    def pid(self, words: str) -> int:
        """The pid of the program with `words` in its command, without its children; 0 if it is missing."""
        found = (p for p in processes_of(self.var) if p[1] == self.process.pid and words in p[2])
        return next((pid for pid, _parent, _command in found), 0)

    def kill(self, pid: int, words: str) -> None:
        """Kills a process and waits for the printed line about its end and restart."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: any(re.search(rf"{words} ended.*is started again", line) for line in self.printed()))


def processes_of(folder: Path) -> Iterator[tuple[int, int, str]]:
    """(pid, parent, command) of the processes whose environment names this folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                yield int(entry.name), int(parent), (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended, or belongs to another user
            continue


def fill_tables(var: Path, dump: str) -> None:
    """Leaves the database of an earlier `make run`, with the user of the demonstration and without photos:
    drawing them and checking them is half of the work of a first start."""
    (var / "postgres").mkdir(parents=True)
    (var / "demo.txt").write_text(f"e-mail: {EMAIL}\npassword: drawn-by-lot\n")
    server = embedded.postgres(var / "postgres", fast=True)
    with psycopg.connect(server.url, autocommit=True) as line:
        line.execute(dump)  # type: ignore[call-overload]
        insert(line, User(email=EMAIL))
    server.stop()


def insert(line: psycopg.Connection, row: Any) -> None:
    """A row of a model, in another database than the test's."""
    table, fields = row._meta.db_table, row._meta.concrete_fields
    values = [f.get_db_prep_save(f.pre_save(row, True), connection) for f in fields]
    columns, places = ", ".join(f.column for f in fields), ", ".join(["%s"] * len(fields))
    line.execute(f"INSERT INTO public.{table} ({columns}) VALUES ({places})", values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def running(
    django_db_setup: None, pytestconfig: pytest.Config, share: Share, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeRun]:
    """With --thorough from nothing; else as the second time: tests/database.py has applied the
    migrations, and tests/test_commands.py makes the demonstration."""
    folder = tmp_path_factory.mktemp("make-run")
    if not share.thorough:
        fill_tables(folder / "var", migrated_dump(pytestconfig))
    made = MakeRun(folder)
    try:
        wait_for(lambda: made.status("/readyz") == 200, 120)
        wait_for(lambda: any("Ctrl-C stops" in line for line in made.printed()))
        yield made
    finally:
        made.process.send_signal(signal.SIGINT)
        try:
            made.process.wait(60)
        finally:
            made.process.kill()


def test_it_brings_everything_up(running: MakeRun) -> None:
    pages = ("/readyz", "/", "/api/docs", "/admin/login/")
    assert [running.status(path) for path in pages] == [200, 200, 200, 302]
    assert all(running.pid(f"-Q {queue}") for queue in ("train", "render", "cpu", "io"))
    assert running.pid(" beat ")


def test_ten_lines_say_it_all(running: MakeRun) -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"^(?:\.venv/\.installed|run):.*\n((?:\t.*\n)+)", makefile, re.M)
    lines = [line.strip() for recipe in recipes for line in recipe.splitlines()]
    shown = [line for line in lines if line.startswith("@echo") or not line.startswith("@")]
    text = running.printed()
    assert len(recipes) == 2
    assert len(shown) + len(text) <= 10
    words = (f"http://127.0.0.1:{running.port}", "demo@photoflux.example", "password: ", "make logs")
    assert all(any(word in line for line in text) for word in words)


def test_each_program_has_a_log(running: MakeRun) -> None:
    names = {file.name.removesuffix(".log") for file in (running.var / "log").iterdir()}
    assert names == {"migrate", "demo", "web", "train", "render", "cpu", "io", "beat"}
    assert "Listening at" in (running.var / "log" / "web.log").read_text()


def test_a_printed_email_is_found_in_a_log(running: MakeRun) -> None:
    line = HTTPConnection("127.0.0.1", running.port, timeout=20)
    person = json.dumps({"email": "reader@example.com", "password": "a long password"})
    line.request("POST", "/_allauth/app/v1/auth/signup", person, {"Content-Type": "application/json"})
    assert line.getresponse().status == 200
    logs = [running.var / "log" / name for name in ("web.log", "io.log")]
    wait_for(lambda: any("To: reader@example.com" in log.read_text() for log in logs))


def test_manage_py_works_beside_it_and_nothing_else_does(running: MakeRun) -> None:
    assert running.call("manage.py", "migrate", "--check").returncode == 0
    assert "lacks DATABASE_URL" in running.call("-c", "import config.settings").stderr


def test_manage_py_does_not_mix_two_installations(running: MakeRun) -> None:
    running.environment["DATABASE_URL"] = "postgresql://elsewhere/production"
    said = running.call("manage.py", "ledger_check")
    del running.environment["DATABASE_URL"]
    assert said.returncode == 1
    assert "lacks REDIS_URL" in said.stderr


def test_a_killed_redis_serves_the_workers_again(running: MakeRun) -> None:
    url = embedded.RedisService(running.var / "redis").url
    with Redis.from_url(url) as client:
        running.kill(client.info()["process_id"], "Redis")
    wait_for(lambda: running.status("/readyz") == 200)
    wait_for(lambda: {"train", "render", "cpu", "io"} == answering(url))


@pytest.mark.thorough  # by default Redis is killed, above
def test_a_killed_postgresql_serves_again(running: MakeRun) -> None:
    file = embedded.PostgresService(running.var / "postgres").data / "postmaster.pid"
    running.kill(int(file.read_text().split()[0]), "PostgreSQL")
    wait_for(lambda: running.status("/readyz") == 200)
    assert running.call("manage.py", "ledger_check").returncode == 0


@pytest.mark.thorough  # by default the web server is killed, below
def test_a_killed_worker_works_again(running: MakeRun) -> None:
    url = embedded.RedisService(running.var / "redis").url
    before = running.pid("-Q io")
    running.kill(before, "io")
    wait_for(lambda: running.pid("-Q io") not in (0, before))
    wait_for(lambda: "io" in answering(url))


def test_a_killed_web_server_answers_again(running: MakeRun) -> None:
    before = running.pid("granian")
    running.kill(before, "web")
    wait_for(lambda: running.pid("granian") not in (0, before))
    wait_for(lambda: running.status("/readyz") == 200)
    assert not Path(f"/proc/{before}").exists()


def test_ctrl_c_takes_all_of_it_down(running: MakeRun) -> None:
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert list(processes_of(running.var)) == []
    status = running.call("-m", "config.start.embedded", "status", "--var", str(running.var))
    assert (status.returncode, status.stdout.count("is stopped")) == (1, 2)
    assert running.status("/healthz") == 0
    assert "lacks DATABASE_URL" in running.call("manage.py", "ledger_check").stderr


def answering(url: str) -> set[str]:
    """The queues whose workers respond to a ping over the broker."""
    with Celery(broker=url, set_as_current=False) as app:
        answers = app.control.ping(timeout=1)
    return {name.partition("@")[0] for answer in answers for name in answer}
