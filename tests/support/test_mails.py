"""What becomes of an e-mail that comes in: in one parametrised test over all shapes, and by each way in."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.management import call_command
from django.test import Client

from support.tickets import answering, services
from support.tickets.mail import addresses
from support.tickets.mail.receiving import OF_TICKET, receive
from support.tickets.models import HeldMail, Message, Ticket
from tests.support.mails import MAILS
from tests.support.mails.shape import Mail

pytestmark = pytest.mark.django_db
ROUTE = "/mail/inbound"


@pytest.fixture(autouse=True)
def _taken_in(settings: Any) -> None:
    settings.SUPPORT_MAIL = "support@example.com"
    settings.DEFAULT_FROM_EMAIL = "PhotoFlux <no-reply@example.com>"


def raw_of(mail: Mail, ticket: Ticket) -> bytes:
    """With the addresses of this ticket."""
    reply, first = addresses.reply_address(ticket), ticket.messages.all()[0]
    places = {
        "@REPLY@": reply,
        "@CAPITALS@": reply.upper(),
        "@ID@": addresses.message_id(first),
        "@ALICE@": "alice@example.com",
        "@NUMBER@": ticket.number.lower().replace("-", ""),
        "@SIGNS@": ticket.number[2:].lower(),
    }
    raw = mail.raw if isinstance(mail.raw, bytes) else mail.raw.encode()
    for place, value in places.items():
        raw = raw.replace(place.encode(), value.encode())
    return raw


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail.name)
def test_each_shape_becomes_what_it_shall(mail: Mail, ticket: Ticket, client: Client, settings: Any) -> None:
    settings.INBOUND_MAIL_SECRETS = ["s"]
    if mail.closed:
        answering.change_status(ticket, actor=ticket.user, status="closed")
    answer = client.generic(
        "POST", ROUTE, raw_of(mail, ticket), "message/rfc822", headers={"authorization": "Bearer s"}
    )
    assert answer.json() == {"verdict": mail.verdict}
    message, held = Message.objects.filter(by_mail=True).first(), HeldMail.objects.first()
    assert bool(message) == (mail.verdict in ("taken", "followed"))
    assert bool(held) == (mail.verdict == "held")
    if held:
        assert (held.reason, held.text) == (mail.reason, mail.text)
    if message:
        assert message.text == mail.text
        assert (message.attachments.count(), message.left_out) == (mail.pictures, mail.left_out)
        assert (message.ticket == ticket) is not mail.closed
        assert message.ticket.follows == (ticket if mail.closed else None)
    assert outbox.outbox == []  # nothing is ever answered by a program


def answer_of(ticket: Ticket, n: int = 0, text: str = "Thanks") -> bytes:
    to = addresses.reply_address(ticket)
    return f"From: alice@example.com\nTo: {to}\nMessage-ID: <{n}@mail.example>\n\n{text}\n".encode()


def test_an_email_that_comes_twice_is_taken_once(ticket: Ticket) -> None:
    assert [receive(answer_of(ticket)) for _twice in range(2)] == ["taken", "repeated"]
    assert Message.objects.filter(by_mail=True).count() == 1


def test_two_programs_that_answer_each_other_come_to_an_end(ticket: Ticket) -> None:
    """One that does not say that it is a program: we send nothing back, and soon take nothing more."""
    verdicts = [receive(answer_of(ticket, n)) for n in range(OF_TICKET + 5)]
    assert verdicts == ["taken"] * OF_TICKET + ["held"] + ["dropped"] * 4
    assert outbox.outbox == []
    assert HeldMail.objects.get().reason == "many"


def test_an_email_that_is_too_long_is_cut_and_says_so(ticket: Ticket) -> None:
    assert receive(answer_of(ticket, text="word " * 20_000)) == "taken"
    text = Message.objects.get(by_mail=True).text
    assert len(text) < 10_100
    assert "The rest was cut off" in text


@pytest.mark.parametrize("depth", [20, 4000])
def test_parts_within_parts_are_no_error_of_the_server(
    ticket: Ticket, client: Client, settings: Any, depth: int
) -> None:
    settings.INBOUND_MAIL_SECRETS = ["s"]
    raw = answer_of(ticket).partition(b"\n\n")[0]
    for n in range(depth):
        raw += f'\nContent-Type: multipart/mixed; boundary="{n}"\n\n--{n}'.encode()
    answer = client.generic("POST", ROUTE, raw, "message/rfc822", headers={"authorization": "Bearer s"})
    assert answer.status_code in (200, 400)


def test_the_signature_is_another_for_another_number(alice: Any, ticket: Ticket) -> None:
    other = services.open_ticket(alice, subject="Other", text="Other.")
    mixed = addresses.reply_address(ticket).replace(ticket.number[2:].lower(), other.number[2:].lower())
    assert addresses.named_in([mixed], []) == addresses.Named(forged=True)
    assert addresses.named_in([addresses.reply_address(other)], []) == addresses.Named(other.number)


# ---------------------------------------------------------------- the ways in


def test_the_route_takes_an_email_with_the_secret_alone(
    client: Client, ticket: Ticket, settings: Any
) -> None:
    def post(header: str, **body: Any) -> Any:
        sent = body or {"data": answer_of(ticket), "content_type": "message/rfc822"}
        return client.post(ROUTE, headers={"authorization": header}, **sent)

    assert post("Bearer new").status_code == 404  # no secret is set
    settings.INBOUND_MAIL_SECRETS = ["new", "old"]
    wrong = ("", "Bearer", "Bearer x", "Basic !!!", f"Basic {b64encode(b'new:x').decode()}")
    assert [post(header).status_code for header in wrong] == [401] * 5
    assert not Message.objects.filter(by_mail=True).exists()
    assert post("Bearer old").json() == {"verdict": "taken"}
    basic = f"Basic {b64encode(b'mail:new').decode()}"
    assert post(basic, data={"email": answer_of(ticket, 2).decode()}).json() == {"verdict": "taken"}
    assert post(basic, data={"email": io.BytesIO(answer_of(ticket, 3))}).json() == {"verdict": "taken"}
    assert post(basic, data={"other": "x"}).status_code == 400
    assert client.get(ROUTE).status_code == 405


def test_the_command_takes_an_email_from_a_pipe(ticket: Ticket, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(answer_of(ticket))))
    call_command("read_mail")
    assert capsys.readouterr().out.strip() == "taken"


def test_staff_open_a_conversation_of_a_held_email_of_a_known_address(
    ticket: Ticket, admin_user: Any
) -> None:
    raw = b"From: alice@example.com\nTo: support@example.com\nSubject: Hello\n\nMy twin is gone.\n"
    stranger = raw.replace(b"alice", b"nobody").replace(b"Hello", b"Other")
    assert [receive(raw), receive(stranger)] == ["held", "held"]
    made = answering.open_from_held(HeldMail.objects.get(subject="Hello"), actor=admin_user)
    assert (made.user, made.subject, made.messages.get().text) == (ticket.user, "Hello", "My twin is gone.")
    assert receive(raw) == "repeated"
    with pytest.raises(answering.NoAccount):
        answering.open_from_held(HeldMail.objects.get(subject="Other"), actor=admin_user)
