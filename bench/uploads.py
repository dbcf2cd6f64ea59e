"""Sends eight photos of 24 MB at once to one web process: `python -m bench.uploads`.

First all from one user, then each from another. Prints the answers and the peak memory of the web process.
Exits 1 when a photo is not taken in the end, or the process grows by more than 300 MB.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2

from bench.attack import started
from bench.house import house, person
from bench.load import free_port, wait_for
from bench.machine import machine
from bench.streams import children
from config.start import processes

PHOTOS, SIZE, MOST_MB = 8, 24 * 2**20, 300.0


def peak(pid: int) -> float:
    """MB: the most memory that the process ever had."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def browser(url: str, user: Any) -> httpx2.Client:
    """Logged in, at the address of the user's new twin."""
    from django.test import Client

    inner = Client()
    inner.force_login(user)
    client = httpx2.Client(base_url=url, timeout=120)
    client.cookies.set("sessionid", inner.cookies["sessionid"].value)
    client.get("/twins/")
    client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
    twin = client.post("/api/v1/twins", json={"name": "Me"}).json()["id"]
    client.base_url = f"{url}/api/v1/twins/{twin}/"
    return client


def send(client: httpx2.Client, number: int) -> list[Any]:
    """Every answer's status until the photo is taken."""
    body = b"\xff\xd8" + number.to_bytes(2) + bytes(SIZE - 4)
    answers: list[Any] = []
    while len(answers) < 20:
        try:
            answer = client.post("photos", files={"file": ("a.jpg", body)})
            answers.append(answer.status_code)
        except httpx2.TransportError as error:
            answers.append(type(error).__name__)
        if answers[-1] == 201:
            break
        time.sleep(1)
    return answers


def measure(pid: int, clients: list[httpx2.Client], name: str) -> bool:
    before, start = peak(pid), time.monotonic()
    with ThreadPoolExecutor(PHOTOS) as pool:
        answers = list(pool.map(send, clients, range(PHOTOS)))
    grown, counts = peak(pid) - before, Counter(a for each in answers for a in each)
    print(
        f"{PHOTOS} photos of {SIZE / 2**20:.0f} MB at once, {name}: {dict(counts)} in "
        f"{time.monotonic() - start:.0f} s; peak {peak(pid):.0f} MB, {grown:+.0f} MB"
    )
    return all(each[-1] == 201 for each in answers) and grown < MOST_MB


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with house(), tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with started(processes.web("127.0.0.1", port), Path(folder) / "web.log") as process:
            wait_for(f"{url}/healthz")
            pid, people = int(children(process.pid)[-1]), [person(f"user{n}") for n in range(PHOTOS + 1)]
            print(machine())
            one = [browser(url, people[0])] * PHOTOS
            good = [measure(pid, one, "one user")]
            good.append(measure(pid, [browser(url, each) for each in people[1:]], "as many users"))
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
