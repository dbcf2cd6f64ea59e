"""The product as on one machine, for benches: HAProxy, and the two colours of `manage.py release` behind it.

A version is a copy of this checkout whose workers have the quick studio of the tests (tests/worker.py), so
that a picture costs next to nothing. Needs HAProxy and start-stop-daemon (Debian).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import clocks
from bench.house import ROOT, house
from bench.load import wait_for
from config.start import colours, haproxy

LEFT_OUT = (".git", ".venv", "var", "out", "node_modules", "__pycache__", ".*_cache")
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
PID = "--pidfile {folder}/{colour}-{part}.pid"
RUN = "--startas {folder}/{colour}/.venv/bin/python -- -m config.start.colours {colour} {part}"
START = f"start-stop-daemon --start --background --make-pidfile {PID} --chdir {{folder}}/{{colour}} {RUN}"
STOP = f"start-stop-daemon --stop --oknodo --remove-pidfile --retry TERM/40/KILL/5 {PID}"


class Stage:
    def __init__(self, folder: Path, var: Path) -> None:
        self.folder, self.var, self.port = folder, var, free_ports(5)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.runtime, self.clocks_jump = haproxy.Runtime(folder / "haproxy"), False
        config = folder / "haproxy.cfg"
        haproxy.main([str(config), "--port", str(self.port), "--socket", str(self.runtime.socket), "--own"])
        with (folder / "haproxy.log").open("w") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", config], stdout=log, stderr=log)

    def version(self, name: str, migrations: dict[str, str] | None = None) -> Path:
        """A tree with further migrations, {path: text}."""
        tree = self.folder / name
        shutil.copytree(ROOT, tree, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (tree / ".venv").symlink_to(Path(sys.prefix))
        table = tree / "config" / "start" / "processes.py"
        quick = table.read_text().replace('"-A", "config", "worker"', '"-A", "tests.worker", "worker"')
        assert "tests.worker" in quick
        table.write_text(clocks.in_tree(quick))
        for path, text in (migrations or {}).items():
            (tree / path).write_text(text)
        return tree

    def release(self, tree: Path, *more: str) -> subprocess.CompletedProcess[str]:
        """`manage.py release`, by the tree's own command line."""
        where = ("--folder", str(self.folder), "--socket", str(self.runtime.socket))
        command = [str(tree / ".venv" / "bin" / "python"), "manage.py", "release", *where]
        command += ["--start", START, "--stop", STOP, *more]
        return subprocess.run(command, cwd=tree, capture_output=True, text=True)

    def begin(self) -> Path:
        """The first version serves."""
        while self.runtime.socket.exists() is False or self.runtime.serving():
            time.sleep(0.1)
        tree = self.version("1.0")
        done = self.release(tree)
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}")
        wait_for(f"{self.origin}/readyz")
        return tree

    def stop(self) -> None:
        for colour in colours.COLOURS:
            for part in colours.PARTS:
                words = STOP.format(folder=self.folder, colour=colour, part=part).split()
                subprocess.run(words, stdout=subprocess.DEVNULL)
        self.process.kill()
        self.process.wait()


def free_ports(count: int) -> int:
    """The first of so many free ports."""
    for port in range(23_000, 60_000, count):
        with suppress(OSError):
            for each in range(port, port + count):
                socket.create_server(("127.0.0.1", each)).close()
            return port
    raise SystemExit("no free ports")


@contextmanager
def stage(*, clocks_jump: bool = False) -> Iterator[Stage]:
    os.environ["PATH"] = PATH
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all that was started ends too
    with house() as var, tempfile.TemporaryDirectory(prefix="photoflux-stage-") as folder:
        here = Stage(Path(folder), var)
        if clocks_jump:
            here.clocks_jump = clocks.prepare(here.folder, (f"web-{here.port + 1}", "render", "cpu", "beat"))
        quick = {"STUDIO": "paint", "STUDIO_FOLDER": folder, "STUDIO_PROFILES": "nano"}
        told = {"PORT": str(here.port), "ORIGIN": here.origin, "PROXIES": "1", "VAR": str(var)}
        os.environ |= told | quick
        try:
            here.begin()
            yield here
        finally:
            here.stop()
