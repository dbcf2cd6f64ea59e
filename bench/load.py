"""Measures the server under 100 parallel clients: `python -m bench.load [--seconds
60]`.

The clients list, poll and download thumbnails of one user's gallery of 1,000 items. The web process is real;
the clients run locust in another process. Exits 1 on any error or when the 95th percentile is above a second.
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from bench.gallery import fill
from bench.house import ROOT, client_of, house, person
from bench.machine import machine
from config.start import processes

CLIENTS, MOST_MS = 100, 1000
SCRIPT = """
import os, random
from locust import HttpUser, between, task

IDS = os.environ["ITEMS"].split(",")

class Client(HttpUser):
    wait_time = between(0.5, 1.5)
    def on_start(self):
        self.client.headers["Authorization"] = "Bearer " + os.environ["TOKEN"]
        self.turn = random.Random(id(self) % 1000)
    @task(3)
    def listing(self):
        self.client.get("/api/v1/items?limit=30", name="list")
    @task(3)
    def polling(self):
        self.client.get("/api/v1/generations?limit=5", name="poll")
    @task(6)
    def thumbnail(self):
        self.client.get(f"/api/v1/items/{self.turn.choice(IDS)}/thumbnail", name="thumbnail")
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    with house(), tempfile.TemporaryDirectory() as folder:
        user = person("alice")
        items = pictures(user)
        port = free_port()
        web = subprocess.Popen(
            processes.web("127.0.0.1", port).argv,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz")
            return attack(Path(folder), port, token_of(user), items, args.seconds)
        finally:
            web.terminate()
            web.wait()


def pictures(user: object) -> list[str]:
    """A thousand rows, fifty of them with real files."""
    import numpy as np

    from gallery.models import Item
    from gallery.services import save_item
    from ml import media
    from ml.drawn.people import Scene, random_person
    from ml.drawn.portraits import draw
    from twins.models import Twin

    fill(user, Twin.objects.create(user=user, name="Me"), 0, 1000)
    rng, made = np.random.default_rng(0), []
    for item in Item.objects.filter(user=user)[:50]:
        facts = save_item(
            item.user_id, item.id, media.encode_png(draw(random_person(rng), Scene(), 512, 512))
        )
        Item.objects.filter(id=item.id).update(**facts)
        made.append(str(item.id))
    return made


def token_of(user: object) -> str:
    response = client_of(user).post(
        "/_allauth/app/v1/auth/login",
        {"email": "alice@example.com", "password": "a long password"},
        format="json",
    )
    return str(response.json()["meta"]["access_token"])


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urlopen(address, timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web process did not start")


def attack(folder: Path, port: int, token: str, items: list[str], seconds: int) -> int:
    """Exit status: 0 when nothing failed and the 95th percentile is quick enough."""
    (folder / "clients.py").write_text(SCRIPT)
    env = os.environ | {"TOKEN": token, "ITEMS": ",".join(items)}
    clients = f"-f {folder}/clients.py -u {CLIENTS} -r 20 -t {seconds}s --csv {folder}/out"
    locust = f"-m locust --headless --only-summary --host http://127.0.0.1:{port} {clients}".split()
    quiet = subprocess.DEVNULL
    subprocess.run([sys.executable, *locust], env=env, stdout=quiet, stderr=quiet)
    rows = list(csv.DictReader((folder / "out_stats.csv").open()))
    show(rows)
    total = rows[-1]
    return int(int(total["Failure Count"]) > 0 or int(total["95%"]) > MOST_MS)


def show(rows: list[dict[str, str]]) -> None:
    print(machine())
    print(f"{'':12}{'requests':>10}{'failures':>10}{'a second':>10}{'median ms':>11}{'95th':>8}")
    for row in rows:
        name = row["Name"] if row["Name"] != "Aggregated" else "all"
        print(
            f"{name:12}{row['Request Count']:>10}{row['Failure Count']:>10}"
            f"{float(row['Requests/s']):10.1f}{row['50%']:>11}{row['95%']:>8}"
        )


if __name__ == "__main__":
    sys.exit(main())
