"""Staff's queue: by keys alone, blurred, private pictures behind a typed reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from moderation.cases import queue, services
from moderation.cases.models import Case, Decision
from moderation.models import AuditEntry
from tests.moderation.pictures import Remarks, drawn, hang
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
PAGE = "/admin/moderation/queue/"


@pytest.fixture
def desk(staff: Any) -> Any:
    return logged_in(staff)


@pytest.fixture
def case(remarks: Remarks) -> Case:
    return services.report(services.Sender(network="n"), kind="remark", ident="r1", reason="hate").case


def post(desk: Any, case: Case, act: str, **more: str) -> Any:
    return desk.post(PAGE, {"case": case.number, "act": act} | more, follow=True)


def test_the_next_case_is_shown_and_claimed(desk: Any, staff: Any, case: Case) -> None:
    page = desk.get(PAGE)
    assert case.number in page.text
    assert "a remark" in page.text
    case.refresh_from_db()
    assert (case.claimed_by, case.state) == (staff, "claimed")


def test_a_decision_shows_the_next_case_and_can_be_undone(desk: Any, case: Case, remarks: Remarks) -> None:
    page = post(desk, case, "remove", reason_remove="hate")
    assert remarks.hidden == {"r1"}
    assert "Nothing waits." in page.text
    assert 'id="queue-undo"' in page.text
    made = Decision.objects.get()
    again = desk.post(PAGE, {"act": "undo", "decision": str(made.id)}, follow=True)
    assert remarks.hidden == set()
    assert case.number in again.text


def test_a_refused_decision_says_why_and_changes_nothing(desk: Any, case: Case) -> None:
    assert "Choose a reason of the list." in post(desk, case, "keep", reason_keep="x").text
    assert "Choose whether it stays" in post(desk, case, "burn").text
    assert Decision.objects.count() == 0


def test_what_is_left_to_a_superuser_is_seen_by_superusers(desk: Any, case: Case, admin_client: Any) -> None:
    assert "Nothing waits." in post(desk, case, "escalate").text
    assert case.number in admin_client.get(PAGE).text


def test_a_private_picture_needs_a_typed_reason_and_the_look_is_on_record(
    desk: Any, staff: Any, alice: Any
) -> None:
    item = hang(alice, drawn(1))
    case = services.take_notice(
        services.Sender(contact="a@example.com"), name="A", address=f"/gallery/{item.id}/"
    ).case
    assert "data:image" not in desk.get(PAGE).text
    assert "data:image" not in post(desk, case, "look", why="because").text
    shown = post(desk, case, "look", why="a takedown of today")
    assert 'class="queue-picture" src="data:image/webp' in shown.text
    entry = AuditEntry.objects.get(verb="look_case")
    assert (entry.actor, entry.detail) == (staff, "a takedown of today")


def test_staff_without_the_rights_see_nothing(case: Case) -> None:
    assert logged_in(staff_with("moderation.view_case")).get(PAGE).status_code == 403
    deciding_only = logged_in(staff_with("moderation.decide_case"))
    assert (
        deciding_only.post(PAGE, {"case": case.number, "act": "look", "why": "a reason of mine"}).status_code
        == 403
    )


@pytest.mark.parametrize("bad", ["", "\0", "x" * 10_000, "PF-222222"])
def test_bad_numbers_and_ids_are_no_failure(desk: Any, case: Case, bad: str) -> None:
    assert desk.get(PAGE, {"case": bad, "done": bad}).status_code == 200
    for act in ("keep", "remove", "look", "undo", "escalate", bad):
        assert desk.post(PAGE, {"case": bad, "act": act, "decision": bad, "same": bad}).status_code == 302


def test_the_lists_of_cases_open(admin_client: Any, case: Case) -> None:
    for name in ("case", "match", "decision", "blockedhash"):
        assert admin_client.get(f"/admin/moderation/{name}/").status_code == 200


def test_earlier_decisions_are_found_by_indexes(case: Case, desk: Any, alice: Any) -> None:
    """However many cases were decided, the next one is as quick."""
    case.owner = alice
    with connection.cursor() as cursor:
        # A table this small is quicker read whole, however it is indexed.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        plan = queue._history(case).explain()
    assert "Seq Scan on moderation_case " not in plan
    assert "cases_of_subject" in plan
    assert list(queue._history(Case(kind="takedown"))) == []


def test_the_script_gets_the_next_case_alone(desk: Any, case: Case, remarks: Remarks) -> None:
    def ask(**said: str) -> str:
        answer = desk.post(PAGE, {"case": case.number} | said, HTTP_X_PART="1")
        assert (answer.status_code, "<html" in answer.text) == (200, False)
        return str(answer.text)

    refused = ask(act="keep", reason_keep="x")
    assert "Choose a reason of the list." in refused
    assert case.number in refused
    done = ask(act="remove", reason_remove="hate")
    assert "Nothing waits." in done
    assert 'id="queue-undo"' in done
    undone = ask(act="undo", decision=str(Decision.objects.get().id))
    assert "The decision is undone." in undone
    assert case.number in undone
    assert "Nothing waits." in ask(act="escalate")
