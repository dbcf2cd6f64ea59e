"""Times in the viewer's zone: pages, the scale of months, archives, e-mails. The API answers in UTC."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Item

pytestmark = pytest.mark.django_db
LATE = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)


@pytest.fixture
def page(alice: Any) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def add(user: Any, *times: datetime) -> list[Item]:
    sized = {"width": 64, "height": 64, "size": 1, "etag": "x"}
    return [Item.objects.create(user=user, created_at=at, recipe={"seed": 1}, **sized) for at in times]


def days(page: Client, query: str = "") -> list[str]:
    return [str(day["day"]) for day in page.get(f"/gallery/{query}").context["days"]]


@pytest.mark.parametrize(
    "zone, day, month, clock",
    [
        ("Europe/Madrid", "2026-11-01", "2026-11", "Nov. 1, 2026, 12:30 a.m."),
        ("Asia/Shanghai", "2026-11-01", "2026-11", "Nov. 1, 2026, 7:30 a.m."),
        ("America/Los_Angeles", "2026-10-31", "2026-10", "Oct. 31, 2026, 4:30 p.m."),
        ("Asia/Calcutta", "2026-11-01", "2026-11", "Nov. 1, 2026, 5 a.m."),  # browsers send old names
        ("Mars/Phobos", "2026-10-31", "2026-10", "Oct. 31, 2026, 11:30 p.m."),
        ("../../etc/passwd", "2026-10-31", "2026-10", "Oct. 31, 2026, 11:30 p.m."),
        ("", "2026-10-31", "2026-10", "Oct. 31, 2026, 11:30 p.m."),
    ],
)
def test_a_page_shows_times_in_the_viewers_zone(
    page: Client, alice: Any, zone: str, day: str, month: str, clock: str
) -> None:
    (item,) = add(alice, LATE)
    page.cookies["zone"] = zone
    found = page.get("/gallery/")
    assert [str(each["day"]) for each in found.context["days"]] == [day]
    assert f'data-month="{month}"' in found.content.decode()
    assert clock in page.get(f"/gallery/{item.id}/").content.decode()


def test_a_month_begins_at_the_viewers_midnight(page: Client, alice: Any) -> None:
    """In Madrid November begins at 23:00 UTC in winter, and July at 22:00 UTC in summer time."""
    for edge in (datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 6, 30, 22, tzinfo=UTC)):
        add(alice, edge, edge - timedelta(microseconds=1))
    page.cookies["zone"] = "Europe/Madrid"
    months = {f"{month:%m}": cursor for month, cursor in page.get("/gallery/").context["months"]}
    assert days(page) == ["2026-11-01", "2026-10-31", "2026-07-01", "2026-06-30"]
    assert days(page, f"?cursor={months['10']}")[0] == "2026-10-31"
    assert days(page, f"?cursor={months['06']}") == ["2026-06-30"]


def test_the_hour_that_comes_twice_is_one_day(page: Client, alice: Any) -> None:
    add(alice, *(datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)))
    page.cookies["zone"] = "Europe/Madrid"
    assert days(page) == ["2026-10-25"]


def test_the_zone_is_kept_for_later_and_costs_one_query_when_it_is_new(page: Client, alice: Any) -> None:
    from django.db import connection

    add(alice, LATE)
    page.cookies["zone"] = "Europe/Madrid"
    page.get("/gallery/")
    alice.refresh_from_db()
    assert alice.zone == "Europe/Madrid"
    with CaptureQueriesContext(connection) as queries:
        page.get("/gallery/")
    assert not [q for q in queries.captured_queries if q["sql"].startswith("UPDATE")]
    del page.cookies["zone"]
    assert days(page) == ["2026-11-01"]


def test_the_files_of_an_archive_carry_the_owners_day(
    as_alice: Any, alice: Any, work: Callable[[], int]
) -> None:
    from gallery.services import save_item
    from tests.studio import paint

    assert as_alice.patch("/api/v1/me", {"zone": "Asia/Shanghai"}, format="json").status_code == 200
    (item,) = add(alice, LATE)
    Item.objects.filter(id=item.id).update(**save_item(alice.id, item.id, paint(b"", 3)))
    run = as_alice.post("/api/v1/exports", {"ids": [str(item.id)]}, format="json").json()
    work()
    packed = b"".join(as_alice.get(f"/api/v1/exports/{run['id']}/content"))
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert all(name.startswith("pictures/2026-11-01-") for name in names), names


def test_the_api_takes_a_known_zone_and_answers_in_utc(as_alice: Any, alice: Any) -> None:
    refused = as_alice.patch("/api/v1/me", {"zone": "Mars/Phobos"}, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["zone"])
    as_alice.cookies["zone"] = "Asia/Shanghai"
    add(alice, LATE)
    assert as_alice.get("/api/v1/items").json()["results"][0]["created_at"] == "2026-10-31T23:30:00Z"
    assert as_alice.get("/api/v1/me").json()["date_joined"].endswith("Z")


def test_an_email_names_the_readers_day(alice: Any, mailoutbox: list[Any]) -> None:
    from django.utils import formats, timezone

    from accounts.emails import tell

    type(alice).objects.filter(id=alice.id).update(zone="Europe/Madrid")
    tell(alice.id, lambda: ("x", formats.date_format(timezone.localtime(LATE))))
    assert mailoutbox[0].body == "Nov. 1, 2026"
