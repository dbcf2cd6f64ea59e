"""Notices in the app: written with what they tell of, listed, counted, read on every device, kept 90 days."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from accounts import retaining, retention
from accounts.models import Export
from accounts.notices import services
from accounts.notices.models import Notice
from accounts.notices.services import notify
from config.runs import events
from config.web import event_stream
from config.web.streams import Stream

pytestmark = pytest.mark.django_db
API = "/api/v1/notifications"


def test_an_archive_is_told_of_once_it_is_packed(alice: Any, as_alice: Any, work: Any) -> None:
    as_alice.post("/api/v1/exports", {"filter": {}}, format="json")
    work()
    (notice,) = as_alice.get(API).json()["results"]
    export = Export.objects.get()
    assert (notice["kind"], notice["title"], notice["subject_id"]) == (
        "export_done",
        "Your download is ready.",
        str(export.id),
    )
    assert (notice["topic"], notice["subject_kind"], notice["read_at"]) == ("export", "export", None)


def test_an_archive_that_failed_says_why(alice: Any, as_alice: Any) -> None:
    Export(user=alice, scope="items").enqueue()
    Export.claim(Export.objects.get().id).fail("storage_full")
    (notice,) = as_alice.get(API, headers={"Accept-Language": "es"}).json()["results"]
    assert notice["title"] == "No se ha podido crear el archivo comprimido."
    assert "espacio" in notice["text"]


def test_what_its_owner_cancelled_is_no_news(alice: Any) -> None:
    export = Export(user=alice, scope="items")
    export.enqueue()
    export.cancel()
    assert not Notice.objects.exists()


def test_a_notice_goes_with_the_transaction_that_it_tells_of(alice: Any) -> None:
    export = Export.objects.create(user=alice, scope="items")
    with transaction.atomic():
        notify(alice, "export_done", about=export)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_one_is_read_then_all(alice: Any, as_alice: Any, tell: Callable[..., Notice]) -> None:
    first, second, third = (tell(alice) for _ in range(3))
    read = lambda **body: as_alice.post(f"{API}/read", body, format="json").json()  # noqa: E731
    assert read(ids=[str(first.id)]) == {"unread": 2}
    assert read(ids=[str(first.id)]) == {"unread": 2}
    assert read(about=[str(second.subject_id)]) == {"unread": 1}
    assert [n["id"] for n in as_alice.get(f"{API}?unread=true").json()["results"]] == [str(third.id)]
    assert read(all=True) == {"unread": 0}
    assert read(all=True) == {"unread": 0}
    assert len(as_alice.get(API).json()["results"]) == 3


def test_a_stranger_reads_nothing_and_marks_nothing(
    alice: Any, as_bob: Any, tell: Callable[..., Notice]
) -> None:
    notice = tell(alice)
    for body in ({"ids": [str(notice.id)]}, {"about": [str(notice.subject_id)]}, {"all": True}):
        assert as_bob.post(f"{API}/read", body, format="json").json() == {"unread": 0}
    assert as_bob.get(API).json()["results"] == []
    assert services.unread(alice) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"all": False}, {"all": True, "ids": []}, {"ids": ["x"]}, {"ids": 3}, {"ids": [str(uuid4())] * 501}],
)
def test_what_is_read_is_said_in_one_way(as_alice: Any, body: dict[str, Any]) -> None:
    answer = as_alice.post(f"{API}/read", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_long_list_goes_on_where_it_ended(alice: Any, as_alice: Any, tell: Callable[..., Notice]) -> None:
    made = [str(tell(alice).id) for _ in range(3)]
    first = as_alice.get(f"{API}?limit=2").json()
    second = as_alice.get(first["next"]).json()
    assert [n["id"] for n in first["results"] + second["results"]] == made[::-1]
    assert second["next"] is None


def test_other_devices_hear_of_a_notice_and_that_it_was_read(
    alice: Any, as_alice: Any, tell: Callable[..., Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(events, "_publish", lambda user_id, message: told.append((user_id, message)))
    notice = tell(alice)
    as_alice.post(f"{API}/read", {"ids": [str(notice.id)]}, format="json")
    as_alice.post(f"{API}/read", {"ids": [str(notice.id)]}, format="json")
    assert told == [(alice.id, {"model": events.LIVE, "id": ""})] * 2


def test_the_event_stream_says_how_many_are_unread(alice: Any, tell: Callable[..., Notice]) -> None:
    tell(alice)
    found = event_stream._changes(alice, [{"model": events.LIVE, "id": ""}], {"en"})["en"]
    assert ("notices", b'event: notices\ndata: {"unread": 1}\n\n') in found
    begun = event_stream._beginning(Stream(alice, "", "en"))
    assert json.loads(dict(begun)["notices"].split(b"data: ")[1]) == {"unread": 1}


def test_a_kind_of_a_newer_version_is_left_out(alice: Any, as_alice: Any, client: Any) -> None:
    Notice.objects.create(user=alice, kind="unheard_of", subject_kind="accounts.export", subject_id=uuid4())
    client.force_login(alice)
    assert as_alice.get(API).json()["results"] == []
    assert client.get("/account/notices/").status_code == 200
    assert services.unread(alice) == 0


def test_after_ninety_days_a_notice_is_deleted(
    alice: Any, tell: Callable[..., Notice], later: Callable[..., None]
) -> None:
    tell(alice)
    later(days=91)
    kept = tell(alice)
    assert retaining.run(retention.RULES["notices"]) == 1
    assert Notice.objects.get() == kept


# ---------------------------------------------------------------- pages


def test_the_bell_counts_and_the_list_leads_to_what_it_is_about(
    client: Any, alice: Any, tell: Callable[..., Notice]
) -> None:
    notice = tell(alice)
    client.force_login(alice)
    page = client.get("/account/notices/").content.decode()
    assert "<b>1</b>" in page
    assert "Your download is ready." in page
    opened = client.get(f"/account/notices/{notice.id}/")
    assert opened.url == f"/account/archives/{notice.subject_id}/"
    assert services.unread(alice) == 0
    assert client.get(f"/account/notices/{notice.id}/").url == opened.url
    assert "Your download is ready." in client.get("/account/notices/?menu=1").content.decode()


def test_what_was_deleted_meanwhile_is_said(client: Any, alice: Any, tell: Callable[..., Notice]) -> None:
    notice = tell(alice)
    Export.objects.all().delete()
    client.force_login(alice)
    page = client.get(f"/account/notices/{notice.id}/", follow=True)
    assert "deleted meanwhile" in page.content.decode()


def test_somebody_elses_notice_is_not_found(client: Any, alice: Any, bob: Any, tell: Any) -> None:
    notice = tell(alice)
    assert client.get(f"/account/notices/{notice.id}/").status_code == 302  # to the log-in
    client.force_login(bob)
    assert client.get(f"/account/notices/{notice.id}/").status_code == 404
    assert services.unread(alice) == 1


def test_all_are_read_with_one_button(client: Any, alice: Any, tell: Callable[..., Notice]) -> None:
    tell(alice)
    client.force_login(alice)
    assert client.get("/account/notices/read/").status_code == 405
    assert client.post("/account/notices/read/").url == "/account/notices/"
    assert services.unread(alice) == 0
