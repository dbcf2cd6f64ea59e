"""Maintenance: announced, then 503 for all but staff, hooks and health; by command and in the admin."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from moderation.models import AuditEntry
from support.maintenance import now, services
from support.maintenance.models import Maintenance
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
RIGHTS = [f"support.{verb}_maintenance" for verb in ("view", "add", "change")]


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    now.forget()
    yield
    now._Seen.row, now._Seen.at = None, 0.0


def planned(*, hours: float = 1, minutes: float = 30) -> Maintenance:
    start = timezone.now() + timedelta(hours=hours)
    return services.plan(start, start + timedelta(minutes=minutes))


def manage(*words: str) -> str:
    out = io.StringIO()
    call_command("maintenance", *words, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "language, said", [("en", "PhotoFlux is away from"), ("es", "Mantenimiento"), ("zh-hans", "维护")]
)
def test_it_is_announced_on_every_page_in_the_readers_zone(client: Client, language: str, said: str) -> None:
    start = datetime(2099, 12, 1, 22, tzinfo=UTC)
    Maintenance.objects.create(starts_at=start, ends_at=start + timedelta(hours=1))
    client.cookies["zone"] = "Asia/Tokyo"
    for path in ("/", "/pricing/", "/help/", "/accounts/login/"):
        page = client.get(path, headers={"Accept-Language": language})
        assert page.status_code == 200
        assert said in page.text
        assert "Asia/Tokyo" in page.text
    if language == "en":
        assert "Dec. 2, 2099, 7 a.m." in page.text


@pytest.mark.parametrize(
    "language, said", [("en", "is being maintained"), ("es", "en mantenimiento"), ("zh-hans", "正在维护")]
)
def test_pages_answer_503_with_a_page_and_when_to_come_back(
    client: Client, alice: Any, language: str, said: str
) -> None:
    client.force_login(alice)
    client.cookies["zone"] = "Europe/Madrid"
    services.begin(timedelta(minutes=20))
    for path in ("/", "/studio/", "/accounts/signup/"):
        page = client.get(path, headers={"Accept-Language": language})
        assert page.status_code == 503
        assert 1100 < int(page["Retry-After"]) <= 1200
        assert page["Cache-Control"] == "no-store"
        assert said in page.text
        assert "Europe/Madrid" in page.text
        assert f'href="{path}"' in page.text
    assert client.post("/accounts/signup/", {"email": "a@example.com"}).status_code == 503


def test_the_api_answers_with_a_problem(client: Client) -> None:
    services.begin()
    for path in ("/api/v1/me", "/_allauth/app/v1/auth/session"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "maintenance"
        assert int(answer["Retry-After"]) > 1700


def test_health_payments_and_the_way_in_for_staff_stay_open(client: Client) -> None:
    services.begin()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert client.post("/hooks/stripe", b"{}", content_type="application/json").status_code != 503
    door = client.get("/accounts/login/")
    assert door.status_code == 200
    assert "Maintenance is under way" in door.text
    assert "one of our staff" not in door.text
    assert client.get("/admin/").status_code == 302


def test_staff_get_in_and_read_that_others_do_not() -> None:
    services.begin()
    client = logged_in(staff_with())
    assert "You see this page as one of our staff" in client.get("/pricing/").text


def test_work_under_way_ends_and_no_other_begins(alice: Any, wake_ups: list[Any]) -> None:
    from accounts.models import Export

    first, second = Export(user=alice), Export(user=alice, shown=False)
    first.enqueue()
    working = Export.claim(first.id)
    assert working
    services.begin()
    second.enqueue()
    assert Export.claim(second.id) is None
    working.finish()
    services.end()
    assert Export.claim(second.id)


def test_once_late_it_says_so_and_asks_to_come_back_in_a_minute(client: Client) -> None:
    begun = timezone.now() - timedelta(hours=1)
    Maintenance.objects.create(starts_at=begun, ends_at=begun + timedelta(minutes=1))
    page = client.get("/")
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "It takes longer than we said" in page.text


def test_while_the_database_is_away_the_page_stays(
    client: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(alice)
    services.begin()
    now.current()
    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", away)
    now.forget()
    assert client.get("/studio/").status_code == 503
    assert "maintenance" in client.get("/api/v1/me").text


def away(*_: Any) -> None:
    raise DatabaseError


def test_health_never_looks_and_a_database_that_is_away_is_asked_once_in_a_while(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAINTENANCE_LOOK = 0
    asked: list[int] = []

    def fails() -> None:
        asked.append(1)
        raise DatabaseError

    monkeypatch.setattr(Maintenance.objects, "open", fails)
    now.forget()
    assert client.get("/healthz").status_code == 200
    assert asked == []
    for _ in range(3):
        client.get("/pricing/")
    assert asked == [1]


def test_one_query_in_a_while(settings: Any, django_assert_num_queries: Any) -> None:
    settings.MAINTENANCE_LOOK = 60
    with django_assert_num_queries(1):
        for _ in range(3):
            assert now.current() is None


# ---------------------------------------------------------------- the command


def test_the_command_plans_tells_begins_and_ends() -> None:
    at = (timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%MZ")
    assert "No maintenance is planned" in manage()
    assert "This was a dry run" in manage("plan", "--at", at, "--dry-run")
    assert not Maintenance.objects.exists()
    assert "Announced on every page" in manage("plan", "--at", at, "--minutes", "45")
    assert "Planned and announced" in manage()
    assert "0 runs work and 0 wait" in manage("begin")
    row = Maintenance.objects.get()
    assert row.is_on
    assert row.planned == timedelta(minutes=45)
    assert "Under way" in manage("status")
    assert "Ended" in manage("end")
    at = (timezone.now() + timedelta(hours=2)).isoformat()
    manage("plan", "--at", at)
    assert "Cancelled" in manage("cancel")
    assert not Maintenance.objects.open().exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (("plan", "--at", "2020-01-01T10:00Z"), "this time has passed"),
        (("plan", "--at", "2099-01-01T10:00Z"), "at most 60 days away"),
        (("plan", "--at", "2099-01-01T10:00"), "Write the time with its zone"),
        (("plan", "--at", "tonight"), "Write the time with its zone"),
        (("plan",), "Say when"),
        (("begin", "--minutes", "0"), "takes at most a day"),
        (("begin", "--minutes", "-99999999999999"), "takes at most a day"),
        (("end",), "No maintenance is under way"),
        (("cancel",), "No maintenance is planned"),
    ],
)
def test_the_command_refuses_with_a_sentence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        manage(*words)
    assert not Maintenance.objects.exists()


def test_there_is_one_at_a_time_and_it_begins_and_ends_once() -> None:
    planned()
    with pytest.raises(services.MaintenanceOpen):
        planned(hours=5)
    with pytest.raises(services.MaintenanceNotBegun):
        services.end()
    services.begin()
    with pytest.raises(services.MaintenanceBegun):
        services.begin()
    with pytest.raises(services.MaintenanceBegun):
        services.cancel()
    services.end()
    with pytest.raises(services.MaintenanceNotBegun):
        services.end()


def test_the_database_refuses_a_second_one() -> None:
    row = planned()
    with pytest.raises(IntegrityError, match="one_open_maintenance"), transaction.atomic():
        Maintenance.objects.create(starts_at=row.starts_at, ends_at=row.ends_at)


# ---------------------------------------------------------------- the admin


def form(start: datetime, minutes: int) -> dict[str, str]:
    end = start + timedelta(minutes=minutes)
    said = {"starts_at": start, "ends_at": end}
    return {
        f"{k}_{i}": v.strftime(f) for k, v in said.items() for i, f in enumerate(("%Y-%m-%d", "%H:%M:%S"))
    }


def test_in_the_admin_it_is_planned_begun_and_ended_and_is_on_record() -> None:
    staff = staff_with(*RIGHTS)
    client = logged_in(staff)
    address = "/admin/support/maintenance/"
    refused = client.post(f"{address}add/", form(timezone.now() - timedelta(hours=1), 30))
    assert "this time has passed" in refused.text
    assert client.post(f"{address}add/", form(timezone.now() + timedelta(hours=1), 30)).status_code == 302
    row = Maintenance.objects.get()
    for verb, state in (("begin", True), ("begin", True), ("end", False), ("end", False)):
        client.post(address, {"action": verb, "_selected_action": [row.pk]})
        row.refresh_from_db()
        assert row.is_on is state
    client.post(f"{address}add/", form(timezone.now() + timedelta(hours=1), 30))
    client.post(address, {"action": "cancel", "_selected_action": [row.pk]})  # not the one that is open
    assert Maintenance.objects.open().exists()
    verbs = AuditEntry.objects.filter(actor=staff).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == [*("plan_maintenance", "begin_maintenance", "end_maintenance", "plan_maintenance")]


def test_who_may_only_look_changes_nothing_in_the_admin() -> None:
    row = planned()
    client = logged_in(staff_with("support.view_maintenance"))
    client.post("/admin/support/maintenance/", {"action": "cancel", "_selected_action": [row.pk]})
    assert client.get("/admin/support/maintenance/add/").status_code == 403
    row.refresh_from_db()
    assert row.ended_at is None
