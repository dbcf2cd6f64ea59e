"""POST /reports: by anybody, once for each person, one case for a subject."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.db import connection

from moderation.cases import services
from moderation.cases.models import Case, Notice
from tests.moderation.pictures import Remarks, drawn, hang

pytestmark = pytest.mark.django_db
BODY = {"subject": {"kind": "remark", "id": "r1"}, "reason": "hate"}


def send(client: Any, address: str = "198.51.100.1", **more: Any) -> Any:
    return client.post("/api/v1/reports", BODY | more, content_type="application/json", REMOTE_ADDR=address)


def test_anybody_reports_and_gets_a_number(client: Any, alice: Any, remarks: Remarks) -> None:
    answer = send(client, text="it hurts", contact="Ana@Example.com")
    case = Case.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {"case": case.number, "kind": "report", "state": "open"},
    )
    assert (case.owner, case.count, case.due_at) == (alice, 1, None)
    notice = Notice.objects.get()
    assert (notice.text, notice.contact, notice.user) == ("it hurts", "ana@example.com", None)
    assert "198.51" not in str(Notice.objects.values())


def test_who_reports_again_is_answered_with_the_first(client: Any, remarks: Remarks) -> None:
    first, second = send(client), send(client, reason="spam")
    assert (second.status_code, second.json()) == (200, first.json())
    assert (Notice.objects.count(), Case.objects.get().count) == (1, 1)


def test_the_reports_of_many_are_one_case(client: Any, as_bob: Any, remarks: Remarks) -> None:
    numbers = {send(client, f"198.51.100.{n}").json()["case"] for n in range(1, 6)}
    numbers.add(as_bob.post("/api/v1/reports", BODY, format="json").json()["case"])
    case = Case.objects.get()
    assert (numbers, case.count) == ({case.number}, 6)


@pytest.mark.parametrize(
    "subject", [{"kind": "remark", "id": "r2"}, {"kind": "boat", "id": "r1"}, {"kind": "item", "id": "x"}]
)
def test_what_is_not_there_cannot_be_reported(client: Any, remarks: Remarks, subject: Any) -> None:
    assert send(client, subject=subject).json()["code"] == "not_found"


def test_a_private_picture_cannot_be_reported_and_nobody_learns_that_it_is_there(
    client: Any, alice: Any
) -> None:
    item = hang(alice, drawn(1))
    answer = send(client, subject={"kind": "item", "id": str(item.id)})
    assert (answer.status_code, Case.objects.count()) == (404, 0)


@pytest.mark.parametrize(
    "bad", [{"reason": "because"}, {"contact": "nobody"}, {"text": "x" * 2001}, {"subject": 1}]
)
def test_what_does_not_fit_is_told(client: Any, remarks: Remarks, bad: Any) -> None:
    answer = send(client, **bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert Case.objects.count() == 0


def test_a_new_report_after_a_decision_is_a_new_case(client: Any, remarks: Remarks, staff: Any) -> None:
    from moderation.cases import deciding

    first = send(client).json()["case"]
    deciding.decide(Case.objects.get(), actor=staff, outcome="keep", reason="allowed")
    assert send(client).json()["case"] != first


def test_the_page_reports_and_tells_the_number(client: Any, remarks: Remarks, limits: None) -> None:
    assert client.get("/report/remark/r1/").status_code == 200
    assert client.get("/report/remark/r2/").status_code == 404
    refused = client.post("/report/remark/r1/", {"reason": "because", "text": "look here"})
    assert (refused.status_code, "look here" in refused.text, Case.objects.count()) == (422, True, 0)
    done = client.post("/report/remark/r1/", {"reason": "hate", "text": "look here"})
    assert Case.objects.get().number in done.text


@pytest.mark.django_db(transaction=True)
def test_reports_at_once_are_one_case(remarks: Remarks) -> None:
    def work(n: int) -> None:
        try:
            services.report(services.Sender(network=f"n{n}"), kind="remark", ident="r1", reason="hate")
        finally:
            connection.close()

    threads = [Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Case.objects.count(), Case.objects.get().count, Notice.objects.count()) == (1, 12, 12)


def test_a_flood_from_one_network_is_stopped(client: Any, remarks: Remarks, limits: None) -> None:
    answers = [send(client).status_code for _ in range(31)]
    assert (answers[0], answers[29], answers[30]) == (201, 200, 429)
