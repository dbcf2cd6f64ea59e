"""The simulated day agrees with queueing theory, serves each request once, and is the same for the same
seed."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from statistics import mean

import pytest

from bench import serve
from bench.day import DAY, HOUR, Fleet, Outcome, Request, Scaling, a_day, busiest_hour, percentile

TIMES = {"draft": 0.4, "standard": 0.6, "high": 1.0}


def strangers(count: int, *, rate: float, work: float | None, seed: int = 1) -> list[Request]:
    """Poisson arrivals, each by another user. With `work` None, service times are exponential, mean 1."""
    rng, at, made = random.Random(seed), 0.0, []
    for i in range(count):
        at += rng.expovariate(rate)
        seconds = rng.expovariate(1.0) if work is None else work
        made.append(Request(i, i, ("", str(i)), at, seconds, seconds))
    return made


def mean_wait(requests: list[Request], servers: int) -> float:
    return mean(Fleet(requests, servers, swap=0.0).run().wait)


def crommelin(rate: float, servers: int) -> float:
    """Mean wait in M/D/c with service time 1 (Crommelin). After one second the system holds the requests
    that were waiting and the new arrivals."""
    arrivals = [math.exp(-rate)]
    while sum(arrivals) < 1 - 1e-12:
        arrivals.append(arrivals[-1] * rate / len(arrivals))
    many = 200
    here = [1.0] + [0.0] * many
    for _ in range(400):
        left = [sum(here[: servers + 1]), *here[servers + 1 :]]
        here = [0.0] * (many + 1)
        for n, p in enumerate(left):
            for k, a in enumerate(arrivals):
                if n + k <= many:
                    here[n + k] += p * a
    return sum(n * p for n, p in enumerate(here)) / rate - 1


def test_one_server_waits_as_m_m_1_says() -> None:
    rate = 0.6
    assert mean_wait(strangers(60_000, rate=rate, work=None), 1) == pytest.approx(rate / (1 - rate), rel=0.05)


def test_one_server_waits_as_m_d_1_says() -> None:
    rate = 0.7
    assert crommelin(rate, 1) == pytest.approx(rate / (2 * (1 - rate)), rel=1e-3)
    assert mean_wait(strangers(60_000, rate=rate, work=1.0), 1) == pytest.approx(
        rate / (2 * (1 - rate)), rel=0.05
    )


@pytest.mark.parametrize("servers, load", [pytest.param(2, 0.7, marks=pytest.mark.thorough), (5, 0.7)])
def test_many_servers_wait_as_m_d_c_says(servers: int, load: float) -> None:
    rate = servers * load
    found = mean_wait(strangers(60_000, rate=rate, work=1.0), servers)
    assert found == pytest.approx(crommelin(rate, servers), rel=0.05)


def run(
    users: int, servers: int | Scaling, *, grouped: bool = True, seed: int = 1, swap: float = 0.05
) -> Outcome:
    return Fleet(a_day(users, TIMES, seed=seed), servers, swap=swap, grouped=grouped).run()


LESS = [1, Scaling(0, 60.0)]


@pytest.mark.parametrize(
    "servers", [2, Scaling(2, 5.0), *(pytest.param(n, marks=pytest.mark.thorough) for n in LESS)]
)
@pytest.mark.parametrize("grouped", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_every_request_is_served_once(servers: int | Scaling, grouped: bool) -> None:
    day = a_day(1500, TIMES, seed=3)
    out = Fleet(day, servers, swap=0.05, grouped=grouped).run()
    assert min(out.wait) >= 0
    assert out.busy == pytest.approx(sum(r.work for r in day) + 0.05 * out.swaps)
    assert all(w < f <= a for w, f, a in zip(out.wait, out.first, out.whole))
    assert out.busy <= out.paid


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))])
@pytest.mark.parametrize(
    "users, servers",
    [(300, 1), *(pytest.param(*each, marks=pytest.mark.thorough) for each in ((1200, 1), (2500, 2)))],
)
def test_grouping_never_swaps_more(users: int, servers: int, seed: int) -> None:
    assert run(users, servers, seed=seed).swaps <= run(users, servers, grouped=False, seed=seed).swaps


def test_where_people_ask_for_much_at_once_grouping_saves_swaps_and_time() -> None:
    rng, at, day = random.Random(1), 0.0, []
    for user in range(500):
        at += rng.expovariate(0.9 / 5)
        day += [Request(len(day) + i, user, ("", str(user)), at, 0.8, 0.8) for i in range(5)]
    grouped, in_turn = (Fleet(day, 1, swap=0.2, grouped=grouped).run() for grouped in (True, False))
    assert grouped.swaps < 0.6 * in_turn.swaps
    assert mean(grouped.wait) < mean(in_turn.wait)


def test_a_day_is_the_same_again_and_another_with_another_seed() -> None:
    assert a_day(300, TIMES, seed=5) == a_day(300, TIMES, seed=5) != a_day(300, TIMES, seed=6)
    assert run(300, 1) == run(300, 1)
    assert run(300, Scaling(1, 9.0)) == run(300, Scaling(1, 9.0))


def test_the_model_is_what_it_says() -> None:
    day = a_day(10_000, TIMES, seed=1)
    hours = [0] * 24
    for r in day:
        hours[int(r.created_at // HOUR)] += 1
    assert len({r.user for r in day}) == 10_000
    assert all(0 <= r.created_at < DAY for r in day)
    assert [r.id for r in day] == list(range(len(day)))
    assert max(hours) / (len(day) / 24) == pytest.approx(2.5, rel=0.05)
    assert len(day) / 10_000 == pytest.approx(1.5 * (0.95 * 5 + 0.05 * 20), rel=0.05)
    assert {r.pictures for r in day} == {1, 2, 4, 8}
    assert mean(r.pictures for r in day) == pytest.approx(2.95, rel=0.03)
    assert {int(day[i].created_at // HOUR) for i in busiest_hour(day)} <= {19, 20}


def test_more_servers_wait_less_and_a_scaled_fleet_pays_less() -> None:
    one, three, scaled = run(1800, 1), run(1800, 3), run(1800, Scaling(1, 10.0))
    assert percentile(three.wait, 0.95) < percentile(scaled.wait, 0.95) < percentile(one.wait, 0.95)
    assert scaled.paid < three.paid
    assert scaled.most > 2


def test_a_slow_cold_start_is_waited_for() -> None:
    quick, slow = (percentile(run(2500, Scaling(0, s)).first, 0.99) for s in (1.0, 600.0))
    assert quick < slow


def test_a_hopeless_fleet_is_given_up_early() -> None:
    day = a_day(4000, TIMES, seed=1)
    out = Fleet(day, 1, swap=0.0, late=5.0).run()
    assert out.gave_up
    assert -1 in out.wait


def test_percentiles_are_values_that_occur() -> None:
    assert [percentile(range(1, 101), p) for p in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert percentile([], 0.5) == 0


# ---------------------------------------------------------------- the command


def table(folder: Path, **seconds: object) -> Path:
    said = {"picture": TIMES, "swap": 0.05, "cold_start": 9.0} | seconds
    path = folder / "serve-test.json"
    path.write_text(json.dumps({"machine": "a test", "engine": "nano", "seconds": said}))
    return path


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.serve", "--users", "600", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(serve.__file__).parent.parent)


def test_it_recommends_a_fleet_that_keeps_its_word(tmp_path: Path) -> None:
    done = bench(table(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "a test" in done.stdout
    assert "recommended" in done.stdout
    assert [
        words for words in ("fixed, by twin", "fixed, in turn", "scaled, by twin") if words not in done.stdout
    ] == []


def test_what_takes_longer_by_itself_is_said_and_fails(tmp_path: Path) -> None:
    done = bench(table(tmp_path, picture={"draft": 6, "standard": 7, "high": 9}))
    assert done.returncode == 1
    assert "No fleet" in done.stdout
    assert bench(table(tmp_path), "--whole", "--target", 3).returncode == 1


def test_a_file_of_another_kind_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in ("[]", "not json", '{"machine": "x", "engine": "y", "seconds": {"swap": 1}}', "{}"):
        path.write_text(content)
        assert serve.read(path) is None
    done = bench(path)
    assert (done.returncode, done.stderr) == (2, "")
    assert "not a table of measured times" in done.stdout


def test_what_is_committed_can_be_read() -> None:
    found = [serve.read(path) for path in serve.RESULTS.glob("serve-*.json")]
    assert found
    assert all(times and min(times.picture.values()) > 0 < times.swap for times in found)


def test_torch_is_not_loaded() -> None:
    program = "import sys, bench.serve; sys.exit('torch' in sys.modules)"
    root = Path(serve.__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", program], cwd=root).returncode == 0
