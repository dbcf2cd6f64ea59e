"""A release behind a real HAProxy: the switch, what is under way, the way back, and what is refused."""

from __future__ import annotations

import io
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from django.core.management import CommandError, call_command

from config.start import colours, haproxy, processes
from config.start.release import ReleaseError, Site, release
from config.start.release import _alone as alone
from tests.processes import wait_for

KEPT = Path(__file__).resolve().parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
DAEMON, PID = shutil.which("start-stop-daemon", path=PATH), "--pidfile {folder}/{colour}-{part}.pid"
STOP = f"{DAEMON} --stop --oknodo --remove-pidfile --retry TERM/9/KILL/9 {PID}"
# A version's manage.py: its migration fails where the file `broken` lies beside it.
MANAGE = """
import sys
from pathlib import Path
here = Path(__file__).resolve().parent
with (here.parent / "journal").open("a") as journal:
    print(here.name, sys.argv[1], file=journal)
sys.exit("the table is locked" if sys.argv[1] == "migrate" and (here / "broken").exists() else 0)
"""


class Behind:
    """HAProxy in a folder, and versions beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, line = folder, free_ports(), folder / "line"
        config = folder / "haproxy.cfg"
        haproxy.main([str(config), "--port", str(self.port), "--socket", str(line), "--own"])
        program = shutil.which("haproxy", path=PATH)
        assert program, "make haproxy"
        with (folder / "haproxy.log").open("w") as log:
            self.process = subprocess.Popen([program, "-db", "-f", config], stdout=log, stderr=log)
        words = f"{{folder}}/{{colour}}/part.py {{colour}} {{part}} {self.port}"
        start = f"{DAEMON} --start --background --make-pidfile {PID} --startas {sys.executable} -- {words}"
        self.site = Site(folder, haproxy.Runtime(line), folder, self.port, start, STOP)

    def version(self, name: str, *marks: str) -> Path:
        tree = self.folder / name
        (tree / ".venv" / "bin").mkdir(parents=True)
        (tree / ".venv" / "bin" / "python").symlink_to(sys.executable)
        (tree / "manage.py").write_text(MANAGE)
        shutil.copy(Path(__file__).with_name("small_part.py"), tree / "part.py")
        for mark in marks:
            (tree / mark).touch()
        return tree

    def open(self, path: str = "/") -> Any:
        return urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60)

    def ask(self, path: str = "/") -> str:
        with self.open(path) as answer:
            return str(answer.read().decode().strip())

    def release(self, tree: Path | None, **more: Any) -> list[str]:
        said: list[str] = []
        release(replace(self.site, **more), tree, said.append)
        wait_for(lambda: self.journal[-1].endswith(" works"))  # a worker starts beside the command
        return said

    @property
    def journal(self) -> list[str]:
        return (self.folder / "journal").read_text().splitlines()

    def stop(self) -> None:
        for colour in colours.COLOURS:
            for part in colours.PARTS:
                at_once = STOP.replace("--retry TERM/9/KILL/9", "--signal KILL")
                subprocess.run(self.site.command(at_once, colour, part), stdout=subprocess.DEVNULL)
        self.process.terminate()
        self.process.wait()


class Visitor(threading.Thread):
    """Asks again and again, until the block ends; then `go` lets the slow request go on."""

    def __init__(self, behind: Behind) -> None:
        super().__init__()
        self.behind, self.answers, self.over = behind, list[str](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.005):
            try:
                self.answers.append(self.behind.ask())
            except (OSError, HTTPException) as error:
                self.answers.append(repr(error))
            if self.answers[-1] != self.answers[0]:
                (self.behind.folder / "go").touch()

    def __enter__(self) -> Visitor:
        self.start()
        wait_for(lambda: self.answers)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()


def free_ports() -> int:
    """The first of five free ports."""
    for port in range(21_000, 60_000, 5):
        with suppress(OSError):
            for each in range(port, port + 5):
                socket.create_server(("127.0.0.1", each)).close()
            return port
    raise AssertionError("no free ports")


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    made = Behind(tmp_path)
    try:
        wait_for(made.site.runtime.socket.exists)
        wait_for(lambda: not made.site.runtime.serving())  # at its start it believes in both colours
        made.release(made.version("1.0"))
        yield made
    finally:
        made.stop()


@pytest.mark.workers
def test_a_release_and_the_way_back_lose_no_request(behind: Behind) -> None:
    with Visitor(behind) as visitor, ThreadPoolExecutor() as pool, behind.open("/api/v1/events") as stream:
        assert stream.readline() == b"1.0\n"
        slow = pool.submit(behind.ask, "/slow")
        wait_for(lambda: behind.site.runtime.busy("blue"))
        said = behind.release(behind.version("1.1"))
        assert slow.result() == "1.0"
        assert stream.read() == b""  # it ended, and opens anew
        with behind.open("/api/v1/events") as again:
            assert again.readline() == b"1.1\n"
            behind.release(None)
    there = visitor.answers.index("1.1")
    back = visitor.answers.index("1.0", there)
    assert set(visitor.answers[:there]) | set(visitor.answers[back:]) == {"1.0"}
    assert set(visitor.answers[there:back]) == {"1.1"}
    assert said[-1] == f"Released: green serves {behind.folder / '1.1'}."
    first, second = (["1.0 check", "1.0 migrate", "1.0 works"], ["1.1 check", "1.1 migrate"])
    handed = ["1.0 hands back", "1.1 works", "1.1 hands back", "1.0 works"]
    assert behind.journal == [*first, *second, *handed]


@pytest.mark.workers
def test_what_fails_before_the_switch_leaves_the_old_version_serving(behind: Behind) -> None:
    with pytest.raises(ReleaseError, match=r"the table is locked\. The release ends here\. blue serves\."):
        behind.release(behind.version("1.1", "broken"))
    with pytest.raises(ReleaseError, match="green was not ready after .* blue serves"):
        behind.release(behind.version("1.2", "unready"), patience=0.1)
    with pytest.raises(ReleaseError, match="`false` failed: status 1. The release ends here. blue"):
        behind.release(behind.version("1.3"), start="false")
    assert behind.ask() == "1.0"
    assert behind.journal[-1] == "1.3 migrate"  # the workers of 1.0 have not stopped
    with alone(behind.folder), pytest.raises(ReleaseError, match="Another release is under way"):
        behind.release(behind.version("1.4"))


@contextmanager
def haproxy_with(folder: Path, *up: str) -> Iterator[dict[str, Any]]:
    """The runtime API of a HAProxy in which these colours are up, and the options of the command for it."""
    rows = [
        f"web,{colour}-{n},{'UP' if colour in up else 'MAINT'}" for colour in colours.COLOURS for n in (1, 2)
    ]

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            assert self.rfile.readline() == b"show stat web 4 -1\n"
            self.wfile.write("\n".join(["# pxname,svname,status", *rows]).encode())

    with socketserver.UnixStreamServer(str(folder / "line"), Line) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield site(folder)
        server.shutdown()


def site(folder: Path) -> dict[str, Any]:
    return {"folder": folder / "versions", "socket": folder / "line"}


def test_without_haproxy_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="HAProxy does not answer at .*: start it first"):
        call_command("release", **site(tmp_path))


@pytest.mark.parametrize(
    "tree, said", [("nowhere", "holds no version: manage.py and .venv"), (None, "no version to go back to")]
)
def test_a_version_must_be_there(tmp_path: Path, tree: str | None, said: str) -> None:
    with haproxy_with(tmp_path, "blue") as there, pytest.raises(CommandError, match=said):
        call_command("release", tree and tmp_path / tree, back=tree is None, **there)


def test_a_dry_run_tells_the_steps(tmp_path: Path) -> None:
    said = io.StringIO()
    with haproxy_with(tmp_path, "green") as there:
        call_command("release", dry_run=True, stdout=said, **there)
    assert "5. Send requests to blue, and no longer to green" in said.getvalue()
    assert said.getvalue().splitlines()[-1] == "Nothing was done."
    assert [path.name for path in there["folder"].iterdir()] == [".release.lock"]


def test_two_colours_that_serve_are_an_accident(tmp_path: Path) -> None:
    accident = pytest.raises(CommandError, match="Both colours get requests")
    with haproxy_with(tmp_path, "blue", "green") as there, accident:
        call_command("release", **there)


def test_a_colour_is_the_whole_table_without_the_migration(tmp_path: Path) -> None:
    web, work = (colours.rows("green", part, port=8000, var=tmp_path) for part in colours.PARTS)
    assert [row.argv[row.argv.index("--port") + 1] for row in web] == ["8003", "8004"]
    table = processes.table(host="127.0.0.1", port=8000, var=tmp_path)
    rest = [row.name for row in table if row.name not in ("migrate", "web", "remote")]  # no service has a key
    assert [row.name for row in work] == rest


def test_the_kept_configuration_is_the_written_one(tmp_path: Path) -> None:
    assert haproxy.main([str(tmp_path / "haproxy.cfg")]) == 0
    assert (tmp_path / "haproxy.cfg").read_text() == KEPT.read_text()
