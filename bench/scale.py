"""Machines and dollars a month for 1,000, 10,000 and 100,000 users a day: `python -m bench.scale`.

The day of bench/day.py, with what its people look at beside it (the mix of bench/visitors.py). Every constant
is measured (by the command that is named), a price of a list, or said to be an assumption; each is printed
with its source, and docs/operations/scale.md says on which machine it was measured. Two cores are a machine.
The busiest hour decides: web processes and PostgreSQL may fill FULL of their cores in it, and there are as
many machines for pictures, in proportion to the work, as bench.serve needs for its target at 10,000 users.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.day import HOUR, MODEL, a_day, busiest_hour
from bench.serve import RESULTS, read

USERS = (1_000, 10_000, 100_000)
CORES, FULL = 2, 0.6  # of a machine; the share of a core that may be busy in the busiest hour
DAYS = 30


@dataclass(frozen=True)
class Constant:
    value: float
    unit: str
    source: str


WEB = Constant(0.0195, "s of a core a request, web", "bench.load, beside other programs")
DATABASE = Constant(0.0039, "s of a core a request, PostgreSQL", "bench.load, beside other programs")
SIZE = Constant(10.4, "KB an answer, pictures in full apart", "bench.load")
ASKED = Constant(41, "requests for each one for pictures", "bench/visitors.py: 17 and 24 thumbnails")
PICTURE = Constant(0.13, "MB a picture with its thumbnail, seen once in full", "drawn ones of bench.load")
POOL = Constant(10, "connections of a web process at most", "DATABASE_POOL")
WORKERS = Constant(8, "connections of the house's workers and beat", "config/start/processes.py")
ENGINE = Constant(2, "connections of a machine for pictures", "config/start/processes.py")
ENGINES = Constant(7 / 5.36, "machines for pictures, by the work of the busiest hour", "bench.serve")
HOURLY = Constant(0.0845, "dollars an hour of two cores and 8 GB", "assumed, about an n2d-standard-2")
DISK = Constant(0.02, "dollars a GB and month of pictures", "cloud.google.com/storage/pricing-examples")
TRAFFIC = Constant(0.12, "dollars a GB that goes out", "the same; beyond the first TB it costs less")
CONSTANTS = (*(WEB, DATABASE, SIZE, ASKED, PICTURE, POOL, WORKERS, ENGINE, ENGINES), *(HOURLY, DISK, TRAFFIC))


@dataclass(frozen=True)
class Row:
    """What so many users a day need. `disk` in GB after a year in which every picture was kept."""

    users: int
    requests: float  # a second in the busiest hour
    webs: int  # web processes
    house: int  # machines for web and PostgreSQL
    engines: int
    connections: int
    disk: float
    machines_cost: float  # dollars a month
    traffic_cost: float
    disk_cost: float

    @property
    def cost(self) -> float:
        return self.machines_cost + self.traffic_cost + self.disk_cost


def row(users: int, picture: dict[str, float], *, seed: int = 1) -> Row:
    day = a_day(users, picture, seed=seed)
    peak = busiest_hour(day)
    requests = len(peak) * ASKED.value / HOUR
    webs = max(2, math.ceil(requests * WEB.value / FULL))  # two, so that one may end
    house = max(1, math.ceil((webs + requests * DATABASE.value / FULL) / CORES))
    engines = math.ceil(sum(day[i].work for i in peak) / HOUR * ENGINES.value)
    pictures = sum(request.pictures for request in day)
    disk = pictures * 365 * PICTURE.value / 1000
    traffic = DAYS * (len(day) * ASKED.value * SIZE.value / 1e6 + pictures * PICTURE.value / 1e3)
    return Row(
        users=users,
        requests=requests,
        webs=webs,
        house=house,
        engines=engines,
        connections=int(webs * POOL.value + WORKERS.value + engines * ENGINE.value),
        disk=disk,
        machines_cost=(house + engines) * HOURLY.value * 24 * DAYS,
        traffic_cost=traffic * TRAFFIC.value,
        disk_cost=disk * DISK.value,
    )


def show(rows: list[Row]) -> None:
    head = ("users", "requests/s", "webs", "house", "engines", "connections", "GB a year", "dollars a month")
    print("".join(f"{name:>17}" for name in head))
    for each in rows:
        numbers = (each.users, round(each.requests, 1), each.webs, each.house, each.engines, each.connections)
        print("".join(f"{number:17,}" for number in (*numbers, round(each.disk), round(each.cost))))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=RESULTS / "serve-nano-amd-epyc-2-cores.json",
        help="of bench.serve",
    )
    times = read(parser.parse_args().file)
    if times is None:
        print("No table of measured times: python -m bench.serve --measure")
        return 2
    print(f"pictures by {times.engine} on {times.machine}\nThe day:\n{MODEL}")
    for constant in CONSTANTS:
        print(f"  {constant.value:g} {constant.unit}: {constant.source}")
    show([row(users, times.picture) for users in USERS])
    return 0


if __name__ == "__main__":
    sys.exit(main())
