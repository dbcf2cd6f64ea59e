"""What staff see of conversations and do with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import AuditEntry
from support.tickets import answering, services
from support.tickets.models import CannedAnswer, Ticket
from tests.conftest import jpeg
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db


def page_of(ticket: Ticket) -> str:
    return f"/admin/support/ticket/{ticket.id}/change/"


def test_staff_answer_note_assign_and_end_it_and_all_is_on_record(ticket: Ticket, helper: Any) -> None:
    staff = logged_in(helper)
    acts: list[dict[str, Any]] = [
        {"act": "answer", "text": "Try.", "status": ["waiting"], "key": "k"},
        {"act": "answer", "text": "Try.", "status": ["waiting"], "key": "k"},
        {"act": "note", "text": "A hard one."},
        {"act": "assign", "to": str(helper.pk)},
        {"act": "status", "status": "closed"},
    ]
    for act in acts:
        assert staff.post(page_of(ticket), act).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assigned_to) == ("closed", helper)
    assert [m.by for m in ticket.messages.all()] == ["person", "staff", "note"]
    verbs = AuditEntry.objects.filter(actor=helper).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["answer_ticket", "note_ticket", "change_ticket"]
    assert "A hard one." in staff.get(page_of(ticket)).content.decode()
    refused = staff.post(page_of(ticket), {"act": "answer", "text": "Too late.", "status": "waiting"})
    assert "Too late." in refused.content.decode()  # what was typed is not lost


@pytest.mark.parametrize("act", ["answer", "note", "assign", "status", "look", "nonsense"])
def test_who_may_only_view_does_nothing(ticket: Ticket, act: str) -> None:
    viewer = logged_in(staff_with("support.view_ticket"))
    assert viewer.get(page_of(ticket)).status_code == 200
    sent = {"act": act, "text": "x", "status": "solved", "number": "0"}
    assert viewer.post(page_of(ticket), sent).status_code == 403
    assert logged_in(staff_with("billing.view_invoice")).get(page_of(ticket)).status_code == 403
    ticket.refresh_from_db()
    assert (ticket.status, ticket.messages.count()) == ("open", 1)


def test_a_picture_is_shown_to_staff_for_one_look_that_is_on_record(ticket: Ticket, helper: Any) -> None:
    services.write(ticket, text="", files=[jpeg(3, (200, 120))])
    staff = logged_in(helper)
    assert "data:image" not in staff.get(page_of(ticket)).content.decode()
    assert not AuditEntry.objects.filter(verb="look_attachment").exists()
    looked = staff.post(page_of(ticket), {"act": "look", "number": "0"})
    assert "data:image/jpeg;base64," in looked.content.decode()
    entry = AuditEntry.objects.get(verb="look_attachment")
    assert (entry.actor, entry.detail) == (helper, ticket.number)
    for number in ("1", "-1", "x", "9" * 30):
        assert staff.post(page_of(ticket), {"act": "look", "number": number}).status_code == 302


def test_the_queue_is_in_the_order_of_the_clock_and_is_searched(
    ticket: Ticket, bob: Any, helper: Any
) -> None:
    late = services.open_ticket(bob, subject="Later", text="But older words.")
    done = services.open_ticket(bob, subject="Done", text="Done.")
    answering.answer(done, actor=helper, text="Yes.", status="solved")
    Ticket.objects.filter(id=late.id).update(waiting_since=timezone.now() - timedelta(hours=30))
    staff = logged_in(helper)
    text = staff.get("/admin/support/ticket/").content.decode()
    numbers = [each.number for each in (late, ticket, done)]
    assert sorted(numbers, key=text.index) == numbers
    assert "2 people wait, 1 too long" in text
    assert "late by" in text
    for q, found in (("older words", late), (late.number, late), ("%", None), ('"', None), ("👍", None)):
        text = staff.get("/admin/support/ticket/", {"q": q}).content.decode()
        assert [each for each in (late, ticket, done) if f"/{each.id}/change/" in text] == [found] * bool(
            found
        )


def test_a_prepared_answer_is_put_into_the_field_in_the_persons_language(ticket: Ticket, helper: Any) -> None:
    row = CannedAnswer.objects.create(title="Again", text_en="Try it again.", text_es="Prueba otra vez.")
    Ticket.objects.update(language="es")
    staff = logged_in(helper)
    assert "Prueba otra vez.</textarea>" in staff.get(page_of(ticket), {"canned": row.pk}).content.decode()
    for bad in ("x", "9" * 30, "٣", ""):
        assert staff.get(page_of(ticket), {"canned": bad}).status_code == 200
