"""Each part of the product dies in turn, under load: `python -m bench.chaos [--minutes 10] [--sessions 100]`.

Sessions look, listen to event streams, ask for pictures, send photos, train with the quick studio, and pay at
a double of Stripe (bench/mixed.py), behind HAProxy with two web processes (bench/stage.py). Each part has the
same share of the time; what is stopped stays so for half of it, at most a minute. Printed: the failed
requests of each part and the availability; then the runs that were lost, the payments, the ledger, and
whether every page opens. Exits 1 below 99.9 % (a restart of PostgreSQL, and the full disk, are counted and
shown apart), or when a run or a payment is lost, the ledger is wrong or a page does not open.

The clocks of a web process, of the workers of render and cpu and of beat jump too (bench/clocks.py): an hour
ahead and back, a day back and ahead. That needs a C compiler, and the full disk needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench import clocks
from bench.load import Load, drawings, loaded, show, visitors
from bench.machine import machine
from bench.release import FULL as NO_ROOM
from bench.release import PATIENCE, lost
from bench.stage import Stage, stage
from config.start.embedded import FOLDERS, PostgresService, RedisService
from tests.payments.page import poster, serve
from tests.payments.stripe import FakeStripe

LEAST = 0.999
KEY, SECRET, PACK, CREDITS = "sk_test_new", "whsec_test", "small", 100_000
DISK = "256m"  # size of the disk that gets full
PAGES = ("/gallery/", "/studio/", "/twins/", "/help/", "/account/billing/", "/readyz")
Work = Callable[[Stage, float], None]  # the seconds that it may last


@dataclass(frozen=True)
class Act:
    name: str
    work: Work


def pid_of(here: Stage, part: str, word: str) -> int:
    """A program of the serving colour, by a word of its command line. It leads its own session."""
    (colour,) = here.runtime.serving()
    supervisor = (here.folder / f"{colour}-{part}.pid").read_text().strip()
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        if word in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return int(child)
    raise SystemExit(f"{word} does not run")


def kill(part: str, word: str) -> Work:
    return lambda here, seconds: os.killpg(pid_of(here, part, word), signal.SIGKILL)


def freeze(here: Stage, seconds: float) -> None:
    pid = pid_of(here, "work", "render")
    os.killpg(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.killpg(pid, signal.SIGCONT)


def without_redis(here: Stage, seconds: float) -> None:
    redis = RedisService(here.var / FOLDERS[RedisService])
    redis.stop()
    time.sleep(seconds)
    redis.start()


def restart_postgres(here: Stage, seconds: float) -> None:
    postgres = PostgresService(here.var / FOLDERS[PostgresService])
    postgres.stop()
    postgres.start()


def fill_disk(here: Stage, seconds: float) -> None:
    free = os.statvfs(here.var / "files")
    filler = here.var / "files" / ".filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)
    time.sleep(seconds)
    filler.unlink()


def jump(off: int) -> Work:
    def work(here: Stage, seconds: float) -> None:
        clocks.shift(off)
        time.sleep(seconds)
        clocks.shift(0)

    return work


ACTS = (
    Act("a web process killed", kill("web", "granian")),
    *(
        Act(f"the worker of {queue} killed", kill("work", queue))
        for queue in ("train", "render", "cpu", "io")
    ),
    Act("beat killed", kill("work", "beat")),
    Act("the worker of render stopped (SIGSTOP)", freeze),
    Act("without Redis", without_redis),
    Act("PostgreSQL restarted", restart_postgres),
)
CLOCKS = (
    Act("clocks an hour ahead, and back", jump(clocks.HOUR)),
    Act("clocks a day back, and ahead", jump(-clocks.DAY)),
)
FULL = Act("the disk of the files full", fill_disk)
APART = ("PostgreSQL restarted", FULL.name)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of its own for the folder, where we may mount one."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "none", str(folder)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def at_stripe() -> Iterator[FakeStripe]:
    """A double of Stripe, where the product that is started in the block has its account."""
    double = FakeStripe()
    with serve(double, SECRET) as address:
        os.environ |= {"STRIPE_SECRET_KEYS": KEY, "STRIPE_WEBHOOK_SECRETS": SECRET}
        os.environ |= {"STRIPE_API": address, "STRIPE_PAGES": address}
        yield double


def mixed(folder: Path) -> list[dict[str, Any]]:
    """People who can also train and pay."""
    from billing import ledger
    from billing.payments import catalogue
    from twins.models import Twin

    catalogue.synchronise()
    found, (photo,) = visitors(), drawings(1)
    file = folder / "photo.png"
    file.write_bytes(photo)
    for who in found:
        twin = Twin.objects.get(id=who["twin"])
        ledger.grant(ledger.wallet_of(twin.user), CREDITS, cause=f"chaos:{twin.id}")
        with_photos(twin, photo)
        who |= {"photo": str(file), "pack": PACK}
    return found


def with_photos(twin: Any, picture: bytes) -> None:
    """As many accepted photos as a training needs."""
    from accounts.vault.vault import store
    from twins.models import LEAST as PHOTOS
    from twins.models import Photo

    facts = {"width": 512, "height": 512, "box": [10, 10, 200, 220], "yaw": 0.0, "light": 0.5, "warmth": 1.0}
    facts |= {"sharpness": 0.3, "embedding": [1.0, *[0.0] * 127], "embedder": "test", "points": [0.0] * 10}
    for number in range(PHOTOS):
        photo = Photo.objects.create(
            user=twin.user, twin=twin, status="succeeded", accepted=True, hash=number, size=1, **facts
        )
        for name in (photo.clean, photo.thumbnail):
            store(twin.user_id).write(name, picture)


def unpaid(double: FakeStripe) -> list[str]:
    """Payments whose credits did not come. Stripe sends again what was not accepted; so does the double."""
    from billing.models import Invoice

    double.flush(poster(double.notify, SECRET))
    paid = [each["id"] for each in double.all("checkout.session") if each["status"] == "complete"]
    end = time.monotonic() + PATIENCE
    while (booked := Invoice.objects.count()) < len(paid) and time.monotonic() < end:
        time.sleep(0.5)
    print(f"payments: {len(paid)} made at Stripe, {booked} booked here, {len(double.undelivered)} not taken")
    return [f"{len(paid) - booked} payments are lost"] if booked != len(paid) or double.undelivered else []


def unfinished() -> list[str]:
    """Runs that did not end, or failed by more than a full disk."""
    from config.runs.models import kinds

    end = time.monotonic() + PATIENCE
    found = []
    for kind in kinds():
        while (left := kind.objects.open().count()) and time.monotonic() < end:
            time.sleep(0.5)
        failed = kind.objects.filter(status="failed").values_list("error_code", flat=True)
        told = Counter(code or "?" for code in failed)
        wrong = {code: count for code, count in told.items() if code != NO_ROOM}
        made = kind.objects.filter(status="succeeded").count()
        print(f"{kind.__name__}: {made} succeeded, {left} open, failed: {dict(told)}")
        found += [f"{kind.__name__}: {left} open, failed: {wrong}"] if left or wrong else []
    return found


def connect_anew() -> None:
    """PostgreSQL has ended the connections of this process too."""
    from django.db import connection

    connection.close()
    connection.close_pool()


def play(here: Stage, acts: tuple[Act, ...], seconds: float) -> list[tuple[str, float]]:
    """(name, its beginning) of each act, and of the end."""
    began = []
    for act in acts:
        start = time.time()
        began.append((act.name, start))
        act.work(here, min(seconds / 2, 60))
        time.sleep(max(0.0, start + seconds - time.time()))
    return [*began, ("", time.time())]


def told(load: Load, began: list[tuple[str, float]]) -> bool:
    """Prints the failed requests of each act. Whether enough were answered: a restart of PostgreSQL, and
    what has no room on a full disk and says so, are shown apart."""
    print(f"{'':42}{'failed':>8}")
    apart = 0
    for (name, start), (_next, end) in zip(began, began[1:]):
        failed = sum(start <= when < end for when, _what in load.failed)
        apart += failed if name in APART else 0
        print(f"{name:42}{failed:8}")
    share, rest = (1 - failed / load.requests for failed in (load.failures, load.failures - apart))
    print(f"availability: {share:.3%}; without PostgreSQL and the full disk {rest:.3%} (wanted {LEAST:.1%})")
    return rest >= LEAST


def closed(here: Stage, who: dict[str, Any]) -> list[str]:
    """The pages that do not open."""
    found = []
    for path in (*PAGES, f"/twins/{who['twin']}/", f"/gallery/{who['items'][0]}/"):
        try:
            cookie = {"Cookie": f"sessionid={who['session']}"}
            urlopen(Request(here.origin + path, headers=cookie), timeout=30).read()
        except OSError as error:
            found.append(f"{path}: {error}")
    return found


def chosen(here: Stage, small_disk: bool) -> tuple[Act, ...]:
    if not here.clocks_jump:
        print("no clock jumps: there is no C compiler here (Debian: gcc)")
    return (*ACTS, *(CLOCKS if here.clocks_jump else ()), *((FULL,) if small_disk else ()))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=100)
    args = parser.parse_args()
    print(f"{machine()}; other programs: a load of {os.getloadavg()[0]:.1f}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        at_stripe() as double,
        stage(clocks_jump=True) as here,
        small_disk(here.var / "files") as small,
    ):
        people, acts = mixed(Path(folder)), chosen(here, small)
        double.notify = f"{here.origin}/hooks/stripe"
        with loaded(Path(folder), here.origin, people, args.sessions, "mixed") as load:
            time.sleep(10)  # until all have come
            began = play(here, acts, 60 * args.minutes / len(acts))
            time.sleep(5)
        show(load)
        connect_anew()
        good = told(load, began)
        wrong = [*lost(load), *unfinished(), *unpaid(double), *closed(here, people[0])]
    print("\n".join(wrong) or "no run and no payment was lost, the ledger adds up, every page opens")
    return int(bool(wrong) or not good)


if __name__ == "__main__":
    sys.exit(main())
