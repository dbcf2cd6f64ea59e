"""People talk to staff: by the API, on the pages, and what staff see and do."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from struct import pack
from threading import Thread
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.notices.models import Notice
from accounts.notices.preferences import change
from accounts.vault.vault import store
from support.tickets import answering, services
from support.tickets.mail import addresses, sending
from support.tickets.models import Attachment, Message, Ticket
from tests.conftest import jpeg
from tests.rights import staff_with

pytestmark = pytest.mark.django_db
API = "/api/v1/tickets"


def picture(data: bytes | None = None, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg(3, (200, 120)) if data is None else data, "image/jpeg")


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# ---------------------------------------------------------------- the API


def test_a_conversation_by_the_api(as_alice: Any, alice: Any) -> None:
    made = as_alice.post(
        API,
        {"subject": "It fails", "text": "See here.", "page": "/s/secret/?a=b", "attachments": [picture()]},
        format="multipart",
        headers={"user-agent": "Firefox/150"},
    )
    assert made.status_code == 201
    found = made.json()
    assert (found["status"], found["page"]) == ("open", "/s/<str:token>/")
    where = f"{API}/{found['id']}"
    said = as_alice.get(f"{where}/messages").json()["results"]
    assert [(each["by"], each["text"], len(each["attachments"])) for each in said] == [
        ("person", "See here.", 1)
    ]
    shown = said[0]["attachments"][0]
    assert (shown["width"], shown["height"]) == (200, 120)
    for url, kind in ((shown["url"], "image/jpeg"), (shown["thumbnail"], "image/webp")):
        assert as_alice.get(url)["Content-Type"] == kind
    assert as_alice.post(f"{where}/messages", {"text": "More."}, format="json").status_code == 201
    row = Ticket.objects.get()
    assert (row.browser, row.user, row.messages.count()) == ("Firefox/150", alice, 2)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"text": "a" * 100_000}, 422, "invalid"),
        ({"text": " "}, 422, "invalid"),
        ({"text": "a\x00b"}, 422, "invalid"),
        ({"subject": "two\nlines"}, 422, "invalid"),
        ({"subject": ""}, 422, "invalid"),
        ({"subject": "s" * 121}, 422, "invalid"),
        ({"follows": "0b0e9b1e-6a37-4d5e-9f0c-2f4f3c1f7a10"}, 404, "not_found"),
        (
            {"attachments": [lambda n=n: picture(name=f"{n}.jpg") for n in range(30)]},
            422,
            "too_many_attachments",
        ),
        ({"attachments": [lambda: picture(bomb(), "b.png")]}, 422, "too_large"),
        ({"attachments": [picture, lambda: picture(b"%PDF-1.7 x")]}, 422, "not_an_image"),
        ({"attachments": [lambda: picture(b"")]}, 422, "not_an_image"),
        ({"attachments": [lambda: picture(b"\xff\xd8\xff" + bytes(10 * 2**20))]}, 413, "file_too_large"),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(
    as_alice: Any, fields: dict[str, Any], status: int, code: str
) -> None:
    files = [make() for make in fields.pop("attachments", [])]
    sent = {"subject": "It fails", "text": "See."} | fields | ({"attachments": files} if files else {})
    answer = as_alice.post(API, sent, format="multipart" if files else "json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Ticket.objects.exists()
    assert not Attachment.objects.exists()


def test_sent_twice_with_one_key_is_one_conversation_and_one_message(as_alice: Any) -> None:
    def post(where: str, key: str, **body: str) -> Any:
        return as_alice.post(where, body, format="json", headers={"idempotency-key": key})

    first, again = (post(API, "k", subject="It fails", text="See.") for _twice in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert post(API, "k", subject="Other", text="See.").json()["code"] == "idempotency_mismatch"
    where = f"{API}/{first.json()['id']}/messages"
    assert {post(where, "m", text="More.").json()["id"] for _twice in range(2)} == {
        str(Message.objects.get(text="More.").id)
    }
    assert (Ticket.objects.count(), Message.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("fails", 1),
        ("NOTHING", 1),
        ("%", 0),
        ('"', 0),
        ("_", 0),
        ("👍", 0),
        ("", 2),
        ("secret note", 0),
        ("\\", 0),
    ],
)
def test_one_finds_ones_own_by_number_subject_and_words(
    as_alice: Any, client: Client, ticket: Ticket, helper: Any, q: str, found: int
) -> None:
    services.open_ticket(ticket.user, subject="Other", text="Thing.")
    answering.note(ticket, actor=helper, text="A secret note.")
    assert len(as_alice.get(API, {"q": q}).json()["results"]) == found
    assert len(as_alice.get(API, {"q": ticket.number.lower()}).json()["results"]) == 1
    client.force_login(ticket.user)
    assert client.get("/support/", {"q": q}).content.decode().count("tickets-subject") == found


def test_what_is_closed_takes_no_word_and_leads_to_a_new_one(
    as_alice: Any, client: Client, ticket: Ticket, helper: Any
) -> None:
    answering.change_status(ticket, actor=helper, status="closed")
    answer = as_alice.post(f"{API}/{ticket.id}/messages", {"text": "Again."}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "ticket_closed")
    assert ticket.number in answer.json()["detail"]
    client.force_login(ticket.user)
    assert f"/support/new/?follows={ticket.id}" in client.get(f"/support/{ticket.id}/").content.decode()
    client.post("/support/new/", {"subject": "Again", "text": "Again.", "follows": str(ticket.id)})
    assert Ticket.objects.get(subject="Again").follows == ticket


# ---------------------------------------------------------------- the pages


def test_a_person_writes_reads_and_says_that_it_is_solved(client: Client, alice: Any, helper: Any) -> None:
    client.force_login(alice)
    assert 'value="/pricing/"' in client.get("/support/new/?page=/pricing/&subject=Likeness").content.decode()
    sent = {
        "subject": "<b>Likeness</b>",
        "text": "One\nTwo <i>",
        "page": "/pricing/",
        "attachments": [picture()],
    }
    page = client.post("/support/new/", sent, follow=True)
    text = page.content.decode()
    assert "&lt;b&gt;Likeness" in text
    assert "One<br>Two &lt;i&gt;" in text
    ticket = Ticket.objects.get()
    assert f"/api/v1/tickets/{ticket.id}/attachments/0/thumbnail" in text
    answering.answer(ticket, actor=helper, text="Try it again.")
    assert "Try it again." in client.get(f"/support/{ticket.id}/?part=1").content.decode()
    assert str(helper) not in client.get(f"/support/{ticket.id}/").content.decode()
    assert client.post(f"/support/{ticket.id}/", {"text": "Thanks."}).status_code == 302
    assert client.post(f"/support/{ticket.id}/solved/").status_code == 302
    ticket.refresh_from_db()
    assert (ticket.status, ticket.waiting_since) == ("solved", None)


def test_what_is_refused_on_a_page_is_shown_again_with_its_words(client: Client, ticket: Ticket) -> None:
    client.force_login(ticket.user)
    for where, more in (("/support/new/", {"subject": "S"}), (f"/support/{ticket.id}/", {})):
        for bad in ({"text": "kept words" * 1001}, {"text": "kept words", "attachments": [picture(b"no")]}):
            answer = client.post(where, more | bad)
            assert answer.status_code == 422
            assert "kept words" in answer.content.decode()
            assert 'role="alert"' in answer.content.decode()
    assert Message.objects.count() == 1


def test_a_visitor_may_log_in_first(client: Client) -> None:
    page = client.get("/support/new/?page=/pricing/").text
    assert 'href="/accounts/login/?next=/support/new/%3Fpage%3D/pricing/"' in page
    assert client.get("/support/")["Location"].startswith("/accounts/login/?next=/support/")


# ---------------------------------------------------------------- answers, notices, e-mail


def test_an_answer_is_told_live_as_a_notice_and_by_email(
    ticket: Ticket, helper: Any, settings: Any, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    from config.runs import events

    settings.SUPPORT_MAIL = "support@example.com"
    told: list[Any] = []
    monkeypatch.setattr(events, "_publish", lambda user_id, message: told.append((user_id, message["model"])))
    with django_capture_on_commit_callbacks(execute=True):
        message = answering.answer(ticket, actor=helper, text="Try it again.")
    assert (ticket.user_id, events.LIVE) in told
    ticket.refresh_from_db()
    assert services.live(ticket.user) == {"at": ticket.updated_at, "waiting": 1}
    assert (ticket.status, ticket.assigned_to, ticket.waiting_since) == ("waiting", helper, None)
    assert ticket.answered_at
    assert Notice.objects.get(user=ticket.user).kind == "ticket_answered"
    assert sending.send_due() == 0  # it waits a minute
    Message.objects.filter(by="staff").update(mail_at=timezone.now())
    assert [sending.send_due() for _twice in range(2)] == [1, 0]
    sent = outbox.outbox[0]
    assert (sent.to, sent.reply_to) == (["alice@example.com"], [addresses.reply_address(ticket)])
    assert sent.subject == f"Re: It fails [{ticket.number}]"
    assert sent.extra_headers["Message-ID"] == addresses.message_id(message)
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "Try it again." in sent.body
    assert str(helper) not in sent.message().as_string()


@pytest.mark.parametrize("why", ["read", "unwanted", "unproven", "no mail comes in"])
def test_who_gets_no_email_and_who_is_told_to_answer_on_the_page(
    ticket: Ticket, helper: Any, client: Client, why: str
) -> None:
    if why == "unproven":
        ticket.user.emailaddress_set.update(verified=False)
    if why == "unwanted":
        change(ticket.user, {"support": {"email": False}})
    answering.answer(ticket, actor=helper, text="Try it again.")
    Message.objects.filter(mail_at__isnull=False).update(mail_at=timezone.now())
    if why == "read":
        client.force_login(ticket.user)
        client.get(f"/support/{ticket.id}/")
    assert sending.send_due() == (why == "no mail comes in")
    if outbox.outbox:
        assert outbox.outbox[0].reply_to == []
        assert "answers to this e-mail do not reach us" in outbox.outbox[0].body


def test_an_email_names_what_it_answers(ticket: Ticket, helper: Any, settings: Any) -> None:
    settings.SUPPORT_MAIL = "support@example.com"
    first = answering.answer(ticket, actor=helper, text="Try it again.")
    came = services.write(ticket, text="No.", by_mail=True, mail_id="<x@mail.example>")
    last = answering.answer(ticket, actor=helper, text="Now?")
    headers = sending.composed(last, "alice@example.com").extra_headers
    assert headers["In-Reply-To"] == came.mail_id
    assert headers["References"] == f"{addresses.message_id(first)} <x@mail.example>"


def test_staff_are_told_once_until_they_answer(ticket: Ticket, helper: Any) -> None:
    other = staff_with("support.answer_ticket")

    def told() -> list[Any]:
        return [notice.user for notice in Notice.objects.filter(kind="ticket_waits").select_related("user")]

    services.write(ticket, text="And?")
    assert told() == []  # nobody was there when it was opened, and it waits already
    answering.answer(ticket, actor=helper, text="Try it again.")
    for text in ("No.", "Really."):
        services.write(ticket, text=text)
    assert told() == [helper]
    services.open_ticket(ticket.user, subject="New", text="New.")
    assert set(told()) == {helper, other}


def test_solved_is_closed_in_time_and_forgotten_in_time(ticket: Ticket, alice: Any) -> None:
    services.write(ticket, text="", files=[jpeg(3, (200, 120))])
    name = Attachment.objects.get().content
    services.solve(ticket)
    assert services.close_solved() == 0
    Ticket.objects.update(ended_at=timezone.now() - timedelta(days=15))
    assert services.close_solved() == 1
    assert services.forget_closed() == 0
    Ticket.objects.update(ended_at=timezone.now() - timedelta(days=366))
    assert store(alice.id).exists(name)
    assert services.forget_closed() == 1
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_with_one_key_are_one(alice: Any) -> None:
    ticket, helper = services.open_ticket(alice, subject="S", text="T"), staff_with("support.answer_ticket")

    def answer() -> None:
        try:
            answering.answer(ticket, actor=helper, text="Try.", key="k")
        finally:
            connection.close()

    threads = [Thread(target=answer) for _each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert Message.objects.filter(by="staff").count() == 1
    assert Notice.objects.filter(kind="ticket_answered").count() == 1


def test_an_archive_has_the_conversation_without_notes_and_without_names_of_staff(
    ticket: Ticket, helper: Any
) -> None:
    from support.tickets.exports import tickets

    services.write(ticket, text="See.", files=[jpeg(3, (200, 120))])
    answering.answer(ticket, actor=helper, text="Try it again.")
    answering.note(ticket, actor=helper, text="A hard one.")
    members = {member.path: b"".join(member.chunks or ()) for member in tickets(ticket.user)}
    assert f"support/{ticket.number}-1.jpg" in members
    told = json.loads(members["support.json"])
    assert [each["text"] for each in told[0]["messages"]] == ["Nothing happens.", "See.", "Try it again."]
    assert str(helper.pk) not in members["support.json"].decode()
