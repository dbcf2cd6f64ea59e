"""Who came and stayed, how the work went, and the alarm about trainings that fail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import User
from gallery.models import Item
from support.insights import alarms, people, work
from support.insights.alarms import Alarmed
from support.insights.figures import Period
from support.insights.models import Alarm
from support.insights.people import People, Returns
from support.insights.work import Likeness
from tests.support.rows import DAYS, NOVEMBER, PAGE, at, invoice, job, training
from twins.models import Training, Twin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pro_plan")]
numbers = count(1)
DAY = timedelta(days=1)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31))


def somebody(joined: datetime) -> User:
    return User.objects.create_user(f"n{next(numbers)}@example.com", date_joined=joined)


def picture(user: User, when: datetime) -> None:
    times = {"created_at": when, "started_at": when, "finished_at": when}
    job(user, 1, **times)


def test_people_are_counted_by_how_far_they_came() -> None:
    far, half, _new, before = (
        somebody(at(day, month=month)) for day, month in ((2, 11), (3, 11), (4, 11), (1, 10))
    )
    training(far, 1, created_at=at(5))
    picture(far, at(6))
    invoice(far, at(20, month=12), 1000)
    training(half, 1, status="failed", created_at=at(5))
    picture(before, at(7))
    assert people.people(NOVEMBER) == People(
        active=3, joined=3, twin=2, trained=1, picture=1, paid=1, paid_share=1 / 3
    )


def test_who_comes_back_is_counted_when_the_days_are_over() -> None:
    first = at(1, month=10)
    same_day, in_a_week, in_a_month, never = (somebody(first) for _n in range(4))
    for user in (same_day, in_a_week, in_a_month, never):
        picture(user, first)
    picture(same_day, first + timedelta(hours=5))
    picture(in_a_week, first + 7 * DAY)
    picture(in_a_month, first + 8 * DAY)
    earlier = somebody(first)
    picture(earlier, at(30, month=9))
    picture(earlier, first)
    assert people.returns(OCTOBER) == Returns(4, 4, 1, 0.25, 4, 1, 0.25)


def test_days_that_are_not_over_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    picture(somebody(at(1)), at(1))
    monkeypatch.setattr("django.utils.timezone.now", lambda: at(10))
    assert people.returns(NOVEMBER) == Returns(1, 1, 0, 0.0, 0, 0, None)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at(2))
    assert people.returns(NOVEMBER) == Returns(1, 0, 0, None, 0, 0, None)


def test_work_is_told_by_kind_with_waiting_and_failures(alice: User) -> None:
    for seconds in (10, 20, 30):
        training(alice, seconds, created_at=at(3) - timedelta(seconds=5))
    training(alice, 100, created_at=at(3) - timedelta(seconds=25), status="failed")
    job(alice, 3, created_at=at(3), status="cancelled", started_at=None)
    picture_row, training_row = work.work(NOVEMBER)
    assert (training_row.kind, training_row.done, training_row.failed) == ("training", 3, 1)
    assert (training_row.failed_share, training_row.wait, training_row.run) == (0.25, 5.0, 25.0)
    assert training_row.run_95 is not None
    assert training_row.run_95 > 80
    assert (picture_row.cancelled, picture_row.failed_share, picture_row.wait) == (1, None, None)


def test_likeness_is_told_by_engine_with_the_share_below_its_floor(alice: User) -> None:
    for likeness in (0.2, 0.8, 0.9, None):
        Item.objects.create(
            user=alice,
            width=1,
            height=1,
            size=1,
            etag="x",
            engine="nano",
            likeness=likeness,
            created_at=at(3),
        )
    assert work.likeness(NOVEMBER) == [Likeness("nano", 3, 0.8, pytest.approx(0.26), 1 / 3)]


# ---------------------------------------------------------------- the alarm


def ended(user: User, done: int, failed: int, when: datetime | None = None) -> None:
    when = when or timezone.now()
    twin = Twin.objects.create(user=user, name="T")
    Training.objects.bulk_create(
        Training(
            user=user,
            twin=twin,
            number=n + next(numbers) * 1000,
            base="nano",
            status="succeeded" if n < done else "failed",
            started_at=when,
            finished_at=when,
        )
        for n in range(done + failed)
    )


def test_operators_are_told_once_a_day_when_more_than_three_percent_fail(
    alice: User, admin_user: User, staff: Any
) -> None:
    ended(alice, 97, 3)
    assert not alarms.watch()
    ended(alice, 0, 1)
    assert alarms.watch()
    ended(alice, 0, 1)
    assert not alarms.watch()
    (told,) = mail.outbox
    assert (told.to, told.subject) == ([admin_user.email], "ALARM: 4 of 101 trainings failed today")
    assert "/admin/twins/training/?status__exact=failed" in told.body
    today = datetime.now(UTC).date()
    assert alarms.alarms(Period(today, today)) == [Alarmed(today, 5, 102, 5 / 102)]
    Alarm.objects.update(day=date(2026, 11, 3))
    assert "Alarms: days on which" in staff.get(PAGE + DAYS).content.decode()


def test_one_failure_and_those_of_yesterday_alarm_nobody(alice: User, admin_user: User) -> None:
    ended(alice, 0, 1)
    ended(alice, 0, 9, timezone.now() - DAY)
    assert not alarms.watch()
    assert mail.outbox == []
