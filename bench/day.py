"""A day of requests, and a simulated fleet that serves them in the order of generation.schedule. Uses no
Django and no torch.

The caller gives the service times. This module models the users; MODEL describes the model and is printed
with every table.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from generation.schedule import WINDOW, Streak, Waiting, choose

DAY, HOUR = 86400.0, 3600.0
PEAK_HOUR = 20.0
STEEPNESS = 1.303  # k of the daily curve exp(k cos): its peak is 2.5 times its mean
VISITS, JOBS, THINK = 1.5, 5.0, 40.0  # means: visits a day, requests a visit, seconds between two requests
HEAVY, HEAVY_JOBS, HEAVY_THINK = 0.05, 20.0, 10.0  # heavy users: their share, requests a visit, seconds
TWINS = {1: 0.70, 2: 0.20, 3: 0.10}
OTHER_TWIN = 0.2  # probability that a request uses another of the user's twins than the request before
PICTURES = {1: 0.35, 2: 0.20, 4: 0.35, 8: 0.10}
QUALITY = {"draft": 0.20, "standard": 0.65, "high": 0.15}
MODEL = f"""\
  every user comes at least once, {VISITS} times on average, by a daily curve;
    its peak at {PEAK_HOUR:.0f}:00 is 2.5 times its mean
  a visit: {JOBS:.0f} requests on average (geometric), {THINK:.0f} s between two (exponential),
    whether or not the first is done
  {HEAVY:.0%} of users: {HEAVY_JOBS:.0f} requests a visit, {HEAVY_THINK:.0f} s between two
  twins a user: {TWINS}; another one than before in {OTHER_TWIN:.0%} of requests
  pictures a request: {PICTURES}
  quality: {QUALITY}"""


@dataclass(frozen=True)
class Request(Waiting):
    """`first`: seconds of work until the first picture; `work`: until the last; both without the swap."""

    first: float = 0.0
    work: float = 0.0
    pictures: int = 1


def a_day(users: int, picture: dict[str, float], *, seed: int) -> list[Request]:
    """The requests of a day in order of time (0 to 86400 s). `picture`: seconds of one picture by quality. A
    visit that passes midnight continues at the start of the same day."""
    rng, asked = random.Random(seed), []
    for user in range(users):
        twins = _one_of(rng, TWINS)
        jobs, think = (HEAVY_JOBS, HEAVY_THINK) if rng.random() < HEAVY else (JOBS, THINK)
        for _ in range(_geometric(rng, VISITS)):
            at = PEAK_HOUR * HOUR + rng.vonmisesvariate(0.0, STEEPNESS) * DAY / math.tau
            twin = rng.randrange(twins)
            for _ in range(_geometric(rng, jobs)):
                asked.append((at % DAY, user, twin, _one_of(rng, PICTURES), _one_of(rng, QUALITY)))
                at += rng.expovariate(1 / think)
                if twins > 1 and rng.random() < OTHER_TWIN:
                    twin = (twin + rng.randrange(1, twins)) % twins
    return [
        Request(i, user, (f"{user}", f"{twin}"), at, picture[quality], count * picture[quality], count)
        for i, (at, user, twin, count, quality) in enumerate(sorted(asked))
    ]


def _one_of(rng: random.Random, shares: dict[Any, float]) -> Any:
    return rng.choices(list(shares), list(shares.values()))[0]


def _geometric(rng: random.Random, mean: float) -> int:
    """A geometric random number from 1 with this mean."""
    return 1 + int(math.log(1.0 - rng.random()) / math.log(1 - 1 / mean)) if mean > 1 else 1


@dataclass(frozen=True)
class Scaling:
    """A fleet that scales with its load. The wanted number of servers is the mean number of requests waiting
    or served in the last `over` seconds, plus `spare`. The fleet grows at once, and shrinks to the largest
    wanted number of the last `calm` seconds."""

    spare: int
    cold_start: float  # seconds until a new server works; they are paid for
    every: float = 15.0
    over: float = 300.0
    calm: float = 600.0


@dataclass
class Outcome:
    """Seconds per request, in order of arrival; -1 for a request that was not served."""

    wait: list[float]
    first: list[float]
    whole: list[float]
    swaps: int = 0
    busy: float = 0.0  # seconds of work of all servers
    paid: float = 0.0  # seconds of existence of all servers
    most: int = 0  # largest number of servers
    gave_up: bool = False


@dataclass(eq=False)
class Server:
    since: float
    streak: Streak = field(default_factory=Streak)


class Fleet:
    """Servers of equal speed. A free server takes the job that `choose` returns. Of several free servers, the
    one free for longest takes it, as with the broker. The simulation stops early when more than a twentieth
    of all requests wait more than `late` seconds for their first picture."""

    def __init__(
        self,
        requests: Sequence[Request],
        servers: int | Scaling,
        *,
        swap: float,
        grouped: bool = True,
        late: float = math.inf,
    ):
        self.requests, self.swap, self.grouped, self.late = requests, swap, grouped, late
        self.scaling = servers if isinstance(servers, Scaling) else None
        count = servers.spare + 1 if isinstance(servers, Scaling) else servers
        self.idle = deque(Server(0.0) for _ in range(count))
        self.size, self.starting, self.working = count, 0, 0
        self.waiting: list[Request] = []
        self.served: dict[object, float] = {}
        self.events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self.scheduled, self.too_late = 0, 0
        self.loads: deque[int] = deque(
            maxlen=round(self.scaling.over / self.scaling.every) if self.scaling else 1
        )
        self.wanted: deque[int] = deque(
            maxlen=round(self.scaling.calm / self.scaling.every) if self.scaling else 1
        )
        n = len(requests)
        self.out = Outcome([-1.0] * n, [-1.0] * n, [-1.0] * n, most=count)

    def run(self) -> Outcome:
        coming, now = 0, 0.0
        if self.scaling:
            self._at(0.0, self._scale)
        while (coming < len(self.requests) or self.waiting or self.working) and not self.out.gave_up:
            if coming < len(self.requests) and (
                not self.events or self.requests[coming].created_at <= self.events[0][0]
            ):
                now = self.requests[coming].created_at
                self.waiting.append(self.requests[coming])
                coming += 1
            else:
                now, _, happens, facts = heapq.heappop(self.events)
                happens(now, *facts)
            while self.idle and self.waiting:
                self._take(now, self.idle.popleft())
            self.out.gave_up = self.too_late > len(self.requests) / 20
        end = now if self.scaling else max(now, DAY)
        self.out.paid += sum(end - server.since for server in self.idle)
        return self.out

    def _at(self, when: float, happens: Callable[..., None], *facts: object) -> None:
        self.scheduled += 1
        heapq.heappush(self.events, (when, self.scheduled, happens, facts))

    def _take(self, now: float, server: Server) -> None:
        streak = server.streak if self.grouped else Streak()
        job = (
            self.waiting[0]
            if len(self.waiting) == 1
            else choose(self.waiting[:WINDOW], streak, now=now, served=self.served)
        )
        self.waiting.remove(job)
        swap = 0.0 if job.twin == server.streak.twin else self.swap
        self.out.swaps += job.twin != server.streak.twin
        self.out.busy += swap + job.work
        self.out.wait[job.id] = now - job.created_at
        self.out.first[job.id] = now + swap + job.first - job.created_at
        self.out.whole[job.id] = now + swap + job.work - job.created_at
        self.too_late += self.out.first[job.id] > self.late
        server.streak.took(job.twin)
        self.served[job.user] = now
        self.working += 1
        self._at(now + swap + job.work, self._done, server)

    def _done(self, now: float, server: Server) -> None:
        self.working -= 1
        self.idle.append(server)

    # ------------------------------------------------------------ scaling

    def _scale(self, now: float) -> None:
        assert self.scaling
        self.loads.append(self.working + len(self.waiting))
        self.wanted.append(math.ceil(sum(self.loads) / len(self.loads)) + self.scaling.spare)
        for _ in range(self.wanted[-1] - self.size):
            self.size += 1
            self._at(now + self.scaling.cold_start, self._ready, Server(now))
        for _ in range(self.size - max(self.wanted)):
            if not self.idle:
                break
            self.size -= 1
            self.out.paid += now - self.idle.popleft().since
        self.out.most = max(self.out.most, self.size)
        self._at(now + self.scaling.every, self._scale)

    def _ready(self, now: float, server: Server) -> None:
        self.idle.append(server)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


def busiest_hour(requests: Sequence[Request]) -> list[int]:
    """Indices of the requests in the clock hour with the most work."""
    hours: list[list[int]] = [[] for _ in range(24)]
    for i, r in enumerate(requests):
        hours[min(int(r.created_at // HOUR), 23)].append(i)
    return max(hours, key=lambda places: sum(requests[i].work for i in places))
