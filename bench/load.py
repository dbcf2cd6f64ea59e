"""Measures the product under many sessions at once: `python -m bench.load [--sessions 100] [--seconds 60]`.

The product runs as on one machine (bench/stage.py): two web processes behind HAProxy, workers with the quick
studio, so that pictures cost no processor. The sessions (bench/visitors.py, run by locust) are those of 20
people with 200 pictures each. Prints the 95th percentile of each kind of page and call. Exits 1 on any failed
request, or when a kind has a 95th percentile above 300 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.gallery import fill
from bench.house import ROOT, client_of, person
from bench.machine import machine

MOST_MS = 300
PEOPLE, PICTURES, FILES = 20, 200, 6  # people, the pictures of each, how many of those have a file
ASK = "API: ask for a picture"
STREAM = "event stream"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(address: str) -> None:
    for _ in range(1200):
        try:
            urlopen(address, timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web process did not start")


# ---------------------------------------------------------------- who comes


def pictures(user: object) -> list[str]:
    """A thousand rows, fifty of them with real files."""
    from twins.models import Twin

    fill(user, Twin.objects.create(user=user, name="Me"), 0, 1000)
    return _with_files(user, drawings(50))


def drawings(count: int) -> list[bytes]:
    import numpy as np

    from ml import media
    from ml.drawn.people import Scene, random_person
    from ml.drawn.portraits import draw

    rng = np.random.default_rng(0)
    return [media.encode_png(draw(random_person(rng), Scene(), 512, 512)) for _ in range(count)]


def _with_files(user: object, files: list[bytes]) -> list[str]:
    """Gives files to as many of the user's newest pictures; returns the ids of those."""
    from gallery.models import Item
    from gallery.services import save_item

    made = []
    for item, data in zip(Item.objects.filter(user=user).order_by("-created_at"), files):
        Item.objects.filter(id=item.id).update(**save_item(item.user_id, item.id, data))
        made.append(str(item.id))
    return made


def tokens_of(user: Any) -> dict[str, str]:
    login = {"email": user.email, "password": "a long password"}
    response = client_of(user).post("/_allauth/app/v1/auth/login", login, format="json")
    meta = response.json()["meta"]
    return {"token": meta["access_token"], "refresh": meta["refresh_token"]}


def visitors() -> list[dict[str, Any]]:
    """People with a trained twin, pictures, and a session in the browser and one of the API."""
    from bench.streams import session_of
    from tests.test_workers import trained_twin

    found, files = [], drawings(FILES)
    for number in range(PEOPLE):
        user = person(f"visitor{number}")
        twin = trained_twin(user)
        fill(user, twin, 0, PICTURES)
        known = {"items": _with_files(user, files), "twin": str(twin.id), "session": session_of(user)}
        found.append(known | tokens_of(user))
    return found


# ---------------------------------------------------------------- the load


@dataclass
class Load:
    """What a load has measured; filled at the end of its block."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)  # when, and what
    seconds: float = 0.0
    size: int = 0  # bytes of all answers, as they came over the network or larger

    def of(self, name: str) -> dict[str, Any]:
        return next((row for row in self.rows if row["name"] == name), {"requests": 0, "failures": 0})

    @property
    def requests(self) -> int:
        return sum(row["requests"] for row in self.rows)

    @property
    def failures(self) -> int:
        return sum(row["failures"] for row in self.rows)

    @property
    def asked(self) -> int:
        """Pictures that were asked for, and accepted."""
        row = self.of(ASK)
        return int(row["requests"] - row["failures"])


@contextmanager
def loaded(
    folder: Path, origin: str, people: list[dict[str, Any]], sessions: int, kind: str = "visitors"
) -> Iterator[Load]:
    """Sessions of a module of bench come within ten seconds, and go at the end of the block."""
    told, report = folder / "visitors.json", folder / "report.json"
    told.write_text(json.dumps(people))
    env = os.environ | {"VISITORS": str(told), "REPORT": str(report), "PYTHONPATH": str(ROOT)}
    words = f"--headless --only-summary --host {origin} -u {sessions} -r {sessions / 10:g} --stop-timeout 20"
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / f"{kind}.py"), *words.split()]
    load = Load()
    with (folder / "locust.log").open("w") as log:
        clients = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        yield load
    finally:
        clients.send_signal(signal.SIGTERM)
        clients.wait()
    found = json.loads(report.read_text())
    load.rows, load.failed = found["rows"], found["failed"]
    load.seconds, load.size = found["seconds"], found["size"]


def show(load: Load) -> None:
    print(f"{'':28}{'requests':>10}{'failures':>10}{'median ms':>11}{'95th':>8}")
    for row in load.rows:
        print(
            f"{row['name']:28}{row['requests']:>10}{row['failures']:>10}{row['p50']:11.0f}{row['p95']:8.0f}"
        )
    print(f"{load.requests} requests in {load.seconds:.0f} s, {load.failures} failed")
    for what, times in Counter(what for _when, what in load.failed).most_common(10):
        print(f"    {times} times {what}")


def processor(here: Any) -> dict[str, float]:
    """Seconds of the processor that were used so far, by the serving web processes and by PostgreSQL."""
    from config.start.embedded import PostgresService

    (colour,) = here.runtime.serving()
    files = {
        "web": here.folder / f"{colour}-web.pid",
        "PostgreSQL": PostgresService(here.var / "postgres").data / "postmaster.pid",
    }
    return {name: _used(int(file.read_text().split()[0])) for name, file in files.items()}


def _used(pid: int) -> float:
    """Of a process, of its children, and of those that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_used(int(child)) for child in children)


def main() -> int:
    from bench.stage import stage

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    print(machine(), flush=True)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, stage() as here:
        people, used = visitors(), processor(here)
        with loaded(Path(folder), here.origin, people, args.sessions) as load:
            time.sleep(args.seconds)
            used = {name: seconds - used[name] for name, seconds in processor(here).items()}
    print(f"{args.sessions} sessions; other programs before: a load of {before:.1f}")
    show(load)
    costs = ", ".join(f"{name} {1000 * seconds / load.requests:.1f} ms" for name, seconds in used.items())
    print(f"of the processor, a request: {costs}; {load.size / load.requests / 1000:.1f} KB a request")
    return int(load.failures > 0 or any(row["p95"] > MOST_MS for row in load.rows))


if __name__ == "__main__":
    sys.exit(main())
