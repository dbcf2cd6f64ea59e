"""Takedown notices without an account: API, pages, copies, the clock."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts import retaining, retention
from moderation.cases import deciding, watching
from moderation.cases.models import Case, Match, Notice
from moderation.models import AuditEntry
from tests.moderation.pictures import COPIES, drawn, hang, png

pytestmark = pytest.mark.django_db
SAID = {"name": "Ana", "contact": "ana@example.com", "good_faith": "true"}


def send(client: Any, **more: Any) -> Any:
    return client.post("/api/v1/takedowns", SAID | more)


def test_a_notice_of_an_address_leads_to_the_picture(client: Any, alice: Any) -> None:
    item = hang(alice, drawn(1))
    answer = send(client, address=f"https://photoflux.example/gallery/{item.id}/")
    case, notice = Case.objects.get(), Notice.objects.get()
    assert answer.status_code == 201
    assert re.fullmatch("PF-[2-9A-HJ-NP-Z]{6}", answer.json()["case"])
    assert (case.subject_kind, case.subject_id, case.owner) == ("item", str(item.id), alice)
    assert case.due_at - case.created_at < timedelta(hours=48, seconds=1)
    assert (notice.name, notice.contact) == ("Ana", "ana@example.com")
    assert notice.good_faith.startswith("I believe in good faith")


def test_what_never_was_here_gets_a_number_and_the_same_answer(client: Any, alice: Any) -> None:
    item = hang(alice, drawn(1))
    there = send(client, address=f"/gallery/{item.id}/").json()
    nowhere = send(client, address="/gallery/00000000-0000-4000-8000-000000000000/").json()
    assert there.keys() == nowhere.keys()
    assert {name: there[name] for name in ("kind", "state")} == {"kind": "takedown", "state": "open"}
    assert nowhere["state"] == "open"
    assert Case.objects.get(number=nowhere["case"]).subject_kind == ""


@pytest.mark.parametrize(
    "said, field",
    [
        ({"address": "/x/", "name": ""}, "name"),
        ({"address": "/x/", "contact": "nobody"}, "contact"),
        ({"address": "/x/", "good_faith": "false"}, "good_faith"),
        ({}, "address"),
        ({"text": "x" * 2001}, "text"),
        ({"file": "text"}, "file"),
    ],
)
def test_a_notice_that_lacks_something_is_told_what(client: Any, said: Any, field: str) -> None:
    if said.get("file"):
        said = {"file": SimpleUploadedFile("p.jpg", b"no picture")}
    answer = send(client, **said)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert Case.objects.count() == 0


def test_the_same_notice_sent_twice_is_one_and_gives_no_new_secret(client: Any) -> None:
    first, second = send(client, text="a picture of me").json(), send(client, text="a picture of me")
    assert second.status_code == 200
    assert second.json() == first | {"secret": ""}
    assert send(client, text="another picture").json()["case"] != first["case"]


# By default two: test_decisions.py finds all kinds.
@pytest.mark.parametrize(
    "name",
    [
        name if name in ("half", "mirror") else pytest.param(name, marks=pytest.mark.thorough)
        for name in COPIES
    ],
)
def test_a_picture_that_is_sent_finds_its_copies_of_every_user(
    client: Any, alice: Any, bob: Any, name: str
) -> None:
    items = [hang(alice, drawn(1, 768)), hang(bob, COPIES["jpeg 30"](drawn(1, 768)))]
    hang(bob, drawn(2))
    send(client, file=SimpleUploadedFile("p.png", png(COPIES[name](drawn(1, 768)))))
    found = Match.objects.filter(state="same").values_list("subject_id", flat=True)
    assert sorted(found) == sorted(str(item.id) for item in items)


def test_the_picture_that_is_sent_is_not_kept(client: Any) -> None:
    from django.conf import settings

    send(client, file=SimpleUploadedFile("p.png", png(drawn(1))))
    assert len(Notice.objects.get().prints) % 32 == 0
    assert not any(Path(settings.STORAGES["default"]["OPTIONS"]["location"]).rglob("*takedown*"))


# ---------------------------------------------------------------- the status


def test_the_status_opens_by_secret_or_contact_and_by_nothing_else(client: Any) -> None:
    filed = send(client, text="a picture of me").json()
    where = f"/api/v1/takedowns/{filed['case']}"
    for opens in ({"secret": filed["secret"]}, {"contact": "ANA@example.com"}):
        shown = client.get(where, opens).json()
        assert (shown["case"], shown["state"], shown["decision"]) == (filed["case"], "open", None)
    for closed in ({}, {"secret": "x"}, {"contact": "bob@example.com"}):
        assert client.get(where, closed).json()["code"] == "not_found"
    assert client.get("/api/v1/takedowns/PF-222222", {"contact": "ana@example.com"}).status_code == 404


def test_nobody_tries_many_numbers(client: Any, limits: None) -> None:
    answers = [client.get(f"/api/v1/takedowns/PF-{n}", {"contact": "a@example.com"}) for n in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {404}
    assert answers[60].status_code == 429


def test_the_page_keeps_what_was_typed_and_leads_to_the_status(client: Any) -> None:
    refused = client.post("/takedown/", {"name": "Ana", "text": "in the park"})
    assert refused.status_code == 422
    assert 'value="Ana"' in refused.text
    assert "in the park" in refused.text
    assert 'aria-invalid="true"' in refused.text
    sent = client.post("/takedown/", SAID | {"text": "in the park", "file": ""})  # as browsers do
    number = Case.objects.get().number
    assert sent["Location"].startswith(f"/takedown/{number}/?secret=")
    assert "A person looks at it." in client.get(sent["Location"]).text
    asked = client.get(f"/takedown/{number}/")
    assert "A person looks" not in asked.text
    assert client.post(f"/takedown/{number}/", {"contact": "bob@example.com"}).status_code == 404
    assert "A person looks at it." in client.post(f"/takedown/{number}/", {"contact": "ana@example.com"}).text


@pytest.mark.parametrize("language, words", [("es", "48 horas"), ("zh-hans", "48 小时")])
def test_the_page_speaks_three_languages(client: Any, language: str, words: str) -> None:
    assert words in client.get("/takedown/", headers={"Accept-Language": language}).text


# ---------------------------------------------------------------- the clock


@pytest.fixture
def boss(db: None) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_superuser("boss@example.com", "a long password")


def test_staff_are_reminded_at_24_and_40_hours_and_alarmed_at_48(client: Any, boss: Any) -> None:
    number = send(client, text="a picture of me").json()["case"]
    subjects = []
    for hours in (0, 1, 24, 25, 40, 41, 48, 49):
        Case.objects.update(created_at=timezone.now() - timedelta(hours=hours))
        mail.outbox.clear()
        watching.watch()
        subjects += [(hours, m.subject) for m in mail.outbox if number in str(m.body)]
    assert subjects == [
        (0, "1 new takedown"),
        (24, "1 takedown is 24 hours old"),
        (40, "1 takedown is due in 8 hours"),
        (48, "OVERDUE: 1 takedown"),
    ]
    assert AuditEntry.objects.filter(verb="takedown_overdue").count() == 1


def test_a_decided_takedown_reminds_nobody(client: Any, boss: Any, staff: Any) -> None:
    from moderation.cases import deciding

    send(client, text="a picture of me")
    deciding.decide(Case.objects.get(), actor=staff, outcome="keep", reason="not_found")
    Case.objects.update(created_at=timezone.now() - timedelta(hours=49))
    watching.remind()
    assert mail.outbox == []


def test_contacts_are_forgotten_half_a_year_after_the_decision(client: Any, staff: Any) -> None:
    send(client, text="the one in the park")
    case = Case.objects.get()
    rule = retention.RULES["case_contacts"]
    assert retaining.run(rule) == 0
    made = deciding.decide(case, actor=staff, outcome="keep", reason="not_found")
    for days, forgotten in ((179, 0), (181, 1), (181, 0)):
        type(made).objects.update(at=timezone.now() - timedelta(days=days))
        assert retaining.run(rule) == forgotten
    notice = Notice.objects.get()
    assert (notice.contact, notice.name, notice.text, notice.case.number) == ("", "", "", case.number)
