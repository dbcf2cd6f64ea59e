"""People without an account talk to staff: a message, its confirmation, and a page that a link opens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from accounts import retention
from support.insights.talks import talks
from support.tickets import answering, exports, guests, services
from support.tickets.mail import addresses, sending
from support.tickets.mail.receiving import Verdict, receive
from support.tickets.models import Enquiry, HeldMail, Message, Ticket
from tests.rights import logged_in
from tests.support.rows import NOVEMBER, at

pytestmark = pytest.mark.django_db
NEW = "/support/new/"
SAID = {"name": "Ana", "email": "Ana@Example.com", "subject": "Before I sign up", "text": "Is it private?"}


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    caches["redis"].clear()


def path_in(mail: Any) -> str:
    found = re.search(r"http\S+?(/support/visitor/\S+)", mail.body)
    assert found
    return found[1]


@pytest.fixture
def guest(client: Client) -> Ticket:
    client.post(NEW, SAID)
    client.post(path_in(outbox.outbox.pop()))
    return Ticket.objects.get(user=None)


def test_a_message_reaches_staff_once_its_address_is_proven(client: Client, helper: Any) -> None:
    asked = client.post(NEW, SAID | {"page": "/pricing/?a=b"}, headers={"user-agent": "Firefox/150"})
    assert "ana@example.com" in asked.text
    (sent,) = outbox.outbox
    assert sent.to == ["ana@example.com"]
    assert "Is it private?" not in sent.body  # it may go to a stranger
    staff = logged_in(helper)
    assert not Ticket.objects.exists()
    assert "Before I sign up" not in staff.get("/admin/support/ticket/").text
    where = path_in(sent)
    assert "Is it private?" in client.get(where).text  # a program that opens links sends nothing
    assert not Ticket.objects.exists()
    for _twice in range(2):
        came = client.post(where)
    (ticket,) = Ticket.objects.all()
    assert (ticket.person, ticket.page, ticket.browser) == (
        "Ana <ana@example.com>",
        "/pricing/",
        "Firefox/150",
    )
    assert ticket.waiting_since
    assert not Enquiry.objects.exists()
    assert client.get(where).headers["Location"] == came.headers["Location"]
    page = staff.get(f"/admin/support/ticket/{ticket.id}/change/").text
    assert "Is it private?" in page
    assert "Ana &lt;ana@example.com&gt;" in page


def test_staff_answer_by_mail_and_on_a_page_that_the_link_opens(
    client: Client, guest: Ticket, helper: Any, settings: Any
) -> None:
    settings.SUPPORT_MAIL = "support@photoflux.example"
    message = answering.answer(guest, actor=helper, text="Yes, only you see it.")
    Message.objects.filter(id=message.id).update(mail_at=timezone.now())
    assert sending.send_due() == 1
    sent = outbox.outbox[-1]
    assert sent.to == ["ana@example.com"]
    assert "Which e-mails you get" not in sent.body
    where = path_in(sent)
    page = client.get(where)
    assert "Yes, only you see it." in page.text
    assert (page["X-Robots-Tag"], "no-store" in page["Cache-Control"]) == ("noindex", True)
    assert "Yes, only you see it." in client.get(f"{where}?part=1").text
    for _twice in range(2):
        assert client.post(where, {"text": "Thanks!", "key": "k"}).status_code == 302
    assert [m.text for m in guest.messages.all()] == ["Is it private?", "Yes, only you see it.", "Thanks!"]
    assert client.post(where, {"text": " "}).status_code == 422
    client.post(where, {"act": "solved"})
    guest.refresh_from_db()
    assert guest.status == "solved"
    answering.change_status(guest, actor=helper, status="closed")
    refused = client.post(where, {"text": "One more."})
    assert (refused.status_code, "One more." in refused.text) == (409, False)


def test_links_that_are_not_ours_or_too_old_open_nothing(
    client: Client, guest: Ticket, alice: Any, ticket: Ticket
) -> None:
    token = guests.token_of(guest)
    of_user = guests.token_of(ticket)  # a user's conversation has no such page
    for wrong in (token[:-1] + "A", "x", of_user):
        assert client.get(f"/support/visitor/{wrong}/").status_code == 404
        assert client.post(f"/support/visitor/confirm/{wrong}/").status_code == 404
    client.force_login(alice)
    assert client.get(f"/support/{guest.id}/").status_code == 404
    assert client.get(f"/api/v1/tickets/{guest.id}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("email", "nobody"), ("subject", " "), ("text", ""), ("text", "x" * 10_001)],
)
def test_what_cannot_be_sent_is_said_beside_its_words(client: Client, field: str, value: str) -> None:
    answer = client.post(NEW, SAID | {field: value})
    assert answer.status_code == 422
    assert f'id="{"guest" if field in ("name", "email") else "ticket"}_{field}_error"' in answer.text
    assert "Before I sign up" in answer.text or field == "subject"
    assert not outbox.outbox


def test_nobody_floods_a_stranger_or_us(client: Client) -> None:
    for n in range(guests.MAILS + 1):
        guests.ask(name="Ana", email="ana@example.com", subject=f"{n}", text="x")
    assert len(outbox.outbox) == guests.MAILS
    answers = [client.post(NEW, SAID | {"email": f"a{n}@example.com"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Is it private?" in answers[-1].text  # nothing typed is lost


def test_an_e_mail_of_a_guest_comes_into_its_conversation(guest: Ticket, settings: Any) -> None:
    settings.SUPPORT_MAIL = "support@photoflux.example"

    def mail(sender: str, ident: str) -> bytes:
        to = addresses.reply_address(guest)
        return f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <{ident}>\r\n\r\nBy e-mail.".encode()

    assert receive(mail("ana@example.com", "1@x")) == Verdict.TAKEN
    assert receive(mail("eve@example.com", "2@x")) == Verdict.HELD
    assert HeldMail.objects.get().reason == "sender"
    Ticket.objects.update(status="closed", waiting_since=None, ended_at=timezone.now())
    assert receive(mail("ana@example.com", "3@x")) == Verdict.FOLLOWED
    follows = Ticket.objects.get(follows=guest)
    assert follows.person == guest.person


def test_what_nobody_confirms_goes_and_an_account_takes_its_own_along(guest: Ticket, alice: Any) -> None:
    old = guests.ask(name="Ana", email="ana@example.com", subject="Old", text="x")
    Enquiry.objects.filter(id=old.id).update(created_at=timezone.now() - retention.kept("enquiries"))
    assert services.forget_enquiries() == 1
    Ticket.objects.filter(id=guest.id).update(guest_email=alice.proven_address)
    exports.forget(alice)
    assert not Ticket.objects.filter(id=guest.id).exists()


def test_the_stream_tells_staff_and_nobody_else_that_the_queue_changed(
    guest: Ticket, alice: Any, helper: Any
) -> None:
    assert answering.live(alice) is None
    before = answering.live(helper)
    assert before
    assert before["waiting"] == 1
    answering.note(guest, actor=helper, text="Easy.")
    after = answering.live(helper)
    assert after
    assert after["at"] > before["at"]


def test_the_figures_know_how_long_people_waited_for_the_first_answer(alice: Any) -> None:
    for number, hours in enumerate((2, 4, 30, None)):
        made = services.open_ticket(alice, subject=f"{number}", text="x")
        Ticket.objects.filter(id=made.id).update(
            created_at=at(3), answered_at=at(3) + timedelta(hours=hours) if hours else None
        )
    found = talks(NOVEMBER)
    assert (found.begun, found.guests, found.answered, found.in_time) == (4, 0, 3, 2)
    assert (found.hours, found.hours_95) == (4.0, pytest.approx(27.4))
