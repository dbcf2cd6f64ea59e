"""`make run` itself: everything it starts, the demonstration, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.processes import wait_for

pytestmark = pytest.mark.workers
ROOT = Path(__file__).resolve().parent.parent


def answers(port: int, path: str) -> int:
    line = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().status
    except OSError:
        return 0
    finally:
        line.close()


def of_folder(folder: Path) -> list[str]:
    """Processes whose environment names this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:  # ended, or somebody else's
            continue
    return found


def test_make_run_brings_everything_up_and_takes_all_of_it_down(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        k: v
        for k, v in os.environ.items()
        if k not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    }
    env = own | {"VAR": str(tmp_path / "var"), "PORT": str(port)}
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "config.start.supervisor"],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(lambda: b"PhotoFlux answers at" in (tmp_path / "log").read_bytes(), 120)
        assert [answers(port, path) for path in ("/readyz", "/", "/api/docs", "/admin/login/")] == [
            200,
            200,
            200,
            302,
        ]
        wait_for(
            lambda: all(
                f"-Q {queue}" in " ".join(of_folder(tmp_path)) for queue in ("train", "render", "cpu", "io")
            )
        )
        assert "demo@photoflux.example" in (tmp_path / "var" / "demo.txt").read_text()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    finally:
        running.kill()
    assert of_folder(tmp_path) == []
    status = subprocess.run(
        [sys.executable, "-m", "config.start.embedded", "status", "--var", str(tmp_path / "var")],
        cwd=ROOT,
        env=own,
        capture_output=True,
    )
    assert (status.returncode, status.stdout.count(b"is stopped")) == (1, 2)
    assert answers(port, "/healthz") == 0
