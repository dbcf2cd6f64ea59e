"""The schedule of jobs: grouping by twin within bounds, turns between users, and one job for each
wake-up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from config.runs.sweeper import sweep_kind
from generation.schedule import MOST_IN_A_ROW, PATIENCE, Streak, Waiting, choose

A, B, C = ("nano", "a"), ("nano", "b"), ("nano", "c")


def ids(waiting: list[Waiting], streak: Streak, *, now: float = 10.0) -> list[Any]:
    """The ids in the order in which one worker takes them, if a job takes no time."""
    left, served, order = list(waiting), {}, []
    while left:
        job = choose(left, streak, now=now, served=served)
        left.remove(job)
        streak.took(job.twin)
        served[job.user] = now
        order.append(job.id)
    return order


def of_each(*twins: tuple[str, str]) -> list[Waiting]:
    """One job per second, each of another user."""
    return [Waiting(i, f"user {i}", twin, float(i)) for i, twin in enumerate(twins)]


def test_with_nothing_to_gain_it_is_first_come_first_served() -> None:
    waiting = of_each(A, B, C)
    for shuffled in (waiting, waiting[::-1], [waiting[1], waiting[0], waiting[2]]):
        assert ids(shuffled, Streak()) == [0, 1, 2]


def test_the_same_moment_is_settled_the_same_way_in_any_order() -> None:
    waiting = [Waiting(i, i, A, 0.0) for i in range(5)]
    assert ids(waiting[::-1], Streak()) == [0, 1, 2, 3, 4]


def test_jobs_of_the_twin_that_is_worn_come_first() -> None:
    assert ids(of_each(A, B, A, B, A), Streak(B, 1)) == [1, 3, 0, 2, 4]


def test_another_base_is_another_twin() -> None:
    assert ids(of_each(("flux", "a"), A), Streak(A, 1)) == [1, 0]


def test_no_more_than_four_in_a_row_while_another_waits() -> None:
    jobs = of_each(A, B, B, B, B, B)
    assert ids(jobs, Streak(B, 1)) == [1, 2, 3, 0, 4, 5]
    assert ids(jobs, Streak(B, MOST_IN_A_ROW)) == [0, 1, 2, 3, 4, 5]


def test_a_row_goes_on_where_nobody_else_waits() -> None:
    streak = Streak()
    assert ids([Waiting(i, "alice", A, float(i)) for i in range(9)], streak) == list(range(9))
    assert streak == Streak(A, 9)


def test_whoever_waits_for_twenty_seconds_is_not_overtaken() -> None:
    waiting = of_each(A, B)
    assert choose(waiting, Streak(B, 1), now=PATIENCE - 0.01).id == 1
    assert choose(waiting, Streak(B, 1), now=PATIENCE).id == 0


def test_fifty_jobs_of_one_user_let_the_single_one_of_another_pass() -> None:
    many = [Waiting(i, "alice", (f"twin {i}", ""), 0.0) for i in range(50)]
    one = Waiting("bob's", "bob", B, 5.0)
    assert ids([*many, one], Streak()) == [0, "bob's", *range(1, 50)]
    same = [Waiting(i, "alice", A, 0.0) for i in range(50)]
    assert ids([*same, one], Streak()).index("bob's") == MOST_IN_A_ROW


def test_users_with_many_jobs_alternate() -> None:
    waiting = [
        Waiting((user, i), user, (user, str(i)), 0.0) for user in ("alice", "bob", "carol") for i in range(20)
    ]
    users = [user for user, _ in ids_with_a_clock(waiting)]
    assert all(set(users[i : i + 3]) == {"alice", "bob", "carol"} for i in range(0, 60, 3))


def ids_with_a_clock(waiting: list[Waiting]) -> list[Any]:
    return [job.id for job, _, _ in simulated(waiting, seconds=1.0)]


def simulated(jobs: list[Waiting], *, seconds: float) -> list[tuple[Waiting, float, list[Waiting]]]:
    """One worker, jobs of equal length. Returns (job, time of its claim, jobs that waited then), in order."""
    coming, waiting, taken = sorted(jobs, key=lambda j: j.created_at), [], []
    streak, served, now = Streak(), {}, 0.0
    while coming or waiting:
        if not waiting:
            now = max(now, coming[0].created_at)
        while coming and coming[0].created_at <= now:
            waiting.append(coming.pop(0))
        job = choose(waiting, streak, now=now, served=served)
        waiting.remove(job)
        taken.append((job, now, list(waiting)))
        streak.took(job.twin)
        served[job.user] = now
        now += seconds
    return taken


def crowd(seed: int, *, users: int = 25, jobs: int = 400, load: float = 0.95) -> list[Waiting]:
    """Poisson arrivals, `load` per second. Three users request half of the jobs. Each user has one or two
    twins."""
    rng, at, made = random.Random(seed), 0.0, []
    for i in range(jobs):
        at += rng.expovariate(load)
        user = rng.randrange(3) if rng.random() < 0.5 else rng.randrange(users)
        made.append(Waiting(i, user, (str(user), str(rng.randrange(1 + user % 2))), at))
    return made


@pytest.mark.parametrize("seed, load", [(s, load) for s in range(4) for load in (0.7, 0.95, 1.5)])
def test_nobody_starves(seed: int, load: float) -> None:
    """Under any load, a job overtakes others only by grouping: within MOST_IN_A_ROW and PATIENCE. All jobs
    are taken."""
    jobs = crowd(seed, load=load)
    taken = simulated(jobs, seconds=1.0)
    assert sorted(job.id for job, _, _ in taken) == list(range(len(jobs)))
    served: dict[Any, float] = {}
    streak = Streak()
    for job, now, others in taken:
        turn = {w.id: max(w.created_at, served.get(w.user, 0.0)) for w in (job, *others)}
        overtaken = [w for w in others if turn[w.id] < turn[job.id]]
        if overtaken:
            assert job.twin == streak.twin
            assert streak.jobs < MOST_IN_A_ROW
            assert all(now - turn[w.id] < PATIENCE for w in overtaken)
        streak.took(job.twin)
        served[job.user] = now


@pytest.mark.parametrize("seed", range(4))
def test_once_somebodys_turn_began_each_other_user_passes_once_besides_the_groups(seed: int) -> None:
    taken = simulated(crowd(seed, load=1.5), seconds=1.0)
    began: dict[Any, float] = {}
    for i, (job, now, _) in enumerate(taken):
        turn = max(job.created_at, began.get(job.user, 0.0))
        patient = [j.user for j, at, _ in taken[:i] if at >= turn + PATIENCE]
        assert max(Counter(patient).values(), default=0) <= 1
        began[job.user] = now


def test_grouping_saves_swaps() -> None:
    def swaps(order: list[Any]) -> int:
        return sum(a != b for a, b in zip(order, order[1:]))

    jobs = crowd(1, load=0.95)
    assert swaps([job.twin for job, _, _ in simulated(jobs, seconds=1.0)]) < 0.8 * swaps(
        [job.twin for job in jobs]
    )


# ---------------------------------------------------------------- with rows


def queued(user: Any, twin: Any, count: int, *, ago: float = 0.0) -> list[Any]:
    """Queued jobs without a price, requested one after another."""
    from django.utils import timezone

    from generation.models import Job

    start = timezone.now() - timedelta(seconds=ago)
    made = [
        Job(user=user, twin=twin, training=twin.active_training, prompt="in a park", seed=i, of_twin=True)
        for i in range(count)
    ]
    for i, job in enumerate(made):
        job.created_at = start + timedelta(milliseconds=i)
    return Job.objects.bulk_create(made)


@pytest.fixture
def streak(monkeypatch: pytest.MonkeyPatch) -> Streak:
    """The streak of a worker that has not taken a job yet."""
    from generation import tasks

    fresh = Streak()
    monkeypatch.setattr(tasks, "_streak", fresh)
    return fresh


@pytest.fixture
def bobs(bob: Any) -> Any:
    """bob's trained twin."""
    from tests.test_workers import trained_twin

    return trained_twin(bob)


def wake(ident: Any) -> None:
    from celery import current_app

    current_app.tasks["generation.render"](str(ident))


def in_order(jobs: list[Any]) -> list[Any]:
    from generation.models import Job

    done = Job.objects.filter(id__in=[j.id for j in jobs], status="succeeded").order_by("started_at")
    return list(done.values_list("user_id", flat=True))


@pytest.mark.django_db
def test_each_wake_up_does_one_job_whichever_it_names(
    trained: Any, bobs: Any, engine: Any, streak: Streak
) -> None:
    first, many = queued(trained.user, trained, 1, ago=9), queued(trained.user, trained, 6, ago=8)
    one = queued(bobs.user, bobs, 1, ago=5)
    jobs = [*first, *many, *one]
    for job in reversed(jobs):
        wake(job.id)
    alice, bob = trained.user_id, bobs.user_id
    assert in_order(jobs) == [alice] * MOST_IN_A_ROW + [bob] + [alice] * 3
    wake(jobs[0].id)  # nothing waits any more


@pytest.mark.django_db
def test_a_wake_up_for_a_job_that_is_done_finds_another(trained: Any, engine: Any, streak: Streak) -> None:
    jobs = queued(trained.user, trained, 2)
    for _ in range(2):
        wake(jobs[0].id)
    assert len(in_order(jobs)) == 2


@pytest.mark.django_db
def test_whoever_was_served_lately_by_any_worker_waits_for_the_others(
    trained: Any, bobs: Any, engine: Any, streak: Streak
) -> None:
    from django.utils import timezone

    from generation.models import Job

    running, waiting = queued(trained.user, trained, 2, ago=60)
    Job.objects.filter(id=running.id).update(
        status="running", started_at=timezone.now(), lease_until=timezone.now() + timedelta(seconds=30)
    )
    one = queued(bobs.user, bobs, 1, ago=5)
    for _ in range(2):
        wake(waiting.id)
    assert in_order([waiting, *one]) == [bobs.user_id, trained.user_id]


@pytest.mark.django_db
def test_when_another_worker_was_quicker_the_next_one_is_taken(
    trained: Any, engine: Any, streak: Streak, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.models import Job

    jobs = queued(trained.user, trained, 3)
    claim, lost = Job.claim.__func__, []  # type: ignore[attr-defined]

    def late(cls: Any, ident: Any) -> Any:
        if len(lost) < 2:
            lost.append(ident)
            assert claim(cls, ident)  # the other worker claims it
            return None
        return claim(cls, ident)

    monkeypatch.setattr(Job, "claim", classmethod(late))
    wake(jobs[0].id)
    assert lost == [jobs[0].id, jobs[1].id]
    jobs[2].refresh_from_db()
    assert (jobs[2].status, jobs[2].attempt) == ("succeeded", 1)


@pytest.mark.django_db
def test_lost_wake_ups_are_sent_again_until_all_is_done(
    trained: Any, bobs: Any, engine: Any, streak: Streak, work: Callable[[], int]
) -> None:
    from generation.models import Job

    jobs = queued(trained.user, trained, 5) + queued(bobs.user, bobs, 3)
    assert work() == 0  # no wake-ups were sent
    sweep_kind(Job)
    assert work() == 8
    assert len(in_order(jobs)) == 8


@pytest.mark.django_db
def test_choosing_takes_five_queries_however_many_wait(
    trained: Any, bobs: Any, streak: Streak, django_assert_num_queries: Any
) -> None:
    from generation.schedule import WINDOW
    from generation.tasks import _turns

    queued(trained.user, trained, 2 * WINDOW)
    queued(bobs.user, bobs, 1)
    with django_assert_num_queries(5):
        assert len(list(_turns("render"))) == WINDOW


@pytest.mark.django_db
def test_what_waits_is_read_by_its_index_however_many_are_done(trained: Any, streak: Streak) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from generation.models import Job
    from generation.tasks import _waiting

    queued(trained.user, trained, 300)
    done = [Job(user=trained.user, twin=trained, prompt="x", seed=i, status="succeeded") for i in range(5000)]
    Job.objects.bulk_create(done)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE generation_job")
        with CaptureQueriesContext(connection) as asked:
            _waiting("render")
        cursor.execute(f"EXPLAIN {asked[-1]['sql']}")
        assert "job_open" in str(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
@pytest.mark.workers
def test_two_workers_take_each_job_once(alice: Any, bob: Any, workers: Any) -> None:
    """All wake-ups name the same job, and the workers still share all jobs."""
    from config.runs.broker import enqueue
    from generation.models import Job, Output
    from tests.processes import wait_for
    from tests.test_workers import trained_twin

    jobs = queued(alice, trained_twin(alice), 12) + queued(bob, trained_twin(bob), 12)
    workers.start("render")
    workers.start("render")
    for _ in range(30):
        enqueue(jobs[0].task, jobs[0].id, jobs[0].queue)
    wait_for(lambda: not Job.objects.exclude(status="succeeded").exists())
    assert set(Job.objects.values_list("attempt", flat=True)) == {1}
    assert Output.objects.count() == 24
