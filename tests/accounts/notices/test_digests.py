"""E-mails of notices: one gathers two minutes, is sent at most once, and is ended with one click."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.notices import digests, emails, preferences, tasks
from accounts.notices.models import Notice
from accounts.notices.services import mark_read
from tests.conftest import person, unconfirmed

pytestmark = pytest.mark.django_db
Tell = Callable[..., Notice]
Later = Callable[..., None]


def html_of(message: Any) -> str:
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return str(html)


def test_an_email_waits_two_minutes_and_gathers_what_comes_meanwhile(
    alice: Any, tell: Tell, later: Later
) -> None:
    tell(alice)
    assert digests.send_due() == 0
    later(seconds=90)
    tell(alice, "export_failed", code="storage_full", detail="", back=0)
    assert digests.send_due() == 0
    later(seconds=31)
    assert (digests.send_due(), digests.send_due()) == (1, 0)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.com"], "Your download is ready. And 1 more notice")
    for text in (sent.body, html_of(sent)):
        assert "Your download is ready." in text
        assert "An archive could not be packed." in text


def test_thirty_notices_make_one_email(alice: Any, tell: Tell, later: Later) -> None:
    preferences.change(alice, {"generation": {"email": True}})
    for _ in range(30):
        tell(alice, "image_done", made=1, missing=0, back=0)
    later(minutes=2)
    assert tasks.send_notices() == 1
    (sent,) = mail.outbox
    assert sent.subject == "Your 30 pictures are ready."


def test_what_was_read_in_the_app_is_left_out(alice: Any, tell: Tell, later: Later) -> None:
    notice = tell(alice)
    later(minutes=2)
    mark_read(alice, ids=[notice.id])
    assert digests.send_due() == 0
    assert mail.outbox == []
    assert not Notice.objects.to_mail().exists()


def test_who_wants_no_email_gets_none_also_when_chosen_meanwhile(
    alice: Any, bob: Any, tell: Tell, later: Later
) -> None:
    tell(alice)
    preferences.change(alice, {"export": {"email": False}})
    preferences.change(bob, {"export": {"email": False}})
    assert tell(bob).mail_at is None
    later(minutes=2)
    assert digests.send_due() == 0


def test_an_address_that_nobody_proved_and_a_closed_account_get_nothing(
    alice: Any, bob: Any, tell: Tell, later: Later
) -> None:
    tell(unconfirmed(alice))
    tell(bob)
    bob.is_active = False
    bob.save()
    later(minutes=2)
    assert digests.send_due() == 0
    assert mail.outbox == []
    assert not Notice.objects.to_mail().exists()


def test_an_email_speaks_the_readers_language(alice: Any, tell: Tell, later: Later) -> None:
    for language, title in (("es", "Tu descarga está lista."), ("zh-hans", "你的下载已准备好。")):
        alice.language = language
        alice.save()
        tell(alice)
        later(minutes=2)
        digests.send_due()
        sent = mail.outbox[-1]
        assert sent.subject == title
        assert f'<html lang="{language}">' in html_of(sent)


def test_links_come_from_origin_and_nothing_typed_is_quoted(
    alice: Any, tell: Tell, later: Later, settings: Any
) -> None:
    alice.display_name = "Free coins"
    alice.save()
    notice = tell(alice)
    later(minutes=2)
    digests.send_due()
    (sent,) = mail.outbox
    for text in (sent.body, html_of(sent)):
        assert f"{settings.ORIGIN}/account/notices/{notice.id}/" in text
        assert "Free coins" not in text
        assert "<img" not in text


def test_a_mail_server_that_is_away_is_tried_again_and_not_for_ever(
    alice: Any, tell: Tell, later: Later, settings: Any
) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    tell(alice)
    later(minutes=2)
    assert digests.send_due() == 0
    settings.EMAIL_BACKEND = backend
    assert digests.send_due() == 0  # not yet
    later(minutes=10)
    assert (digests.send_due(), len(mail.outbox)) == (1, 1)
    tell(alice)
    later(days=1)
    assert digests.send_due() == 0


def test_a_worker_that_dies_between_claim_and_mail_sends_it_never_twice(
    alice: Any, tell: Tell, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(alice)
    later(minutes=2)
    with monkeypatch.context() as m:
        m.setattr(emails, "send_quietly", lambda message: exec("raise SystemExit"))
        with pytest.raises(SystemExit):
            digests.send_due()
    assert (digests.send_due(), mail.outbox) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_one_sends(tell: Tell, later: Later) -> None:
    people = [person(f"p{i}@example.com") for i in range(3)]
    for _ in range(5):
        for user in people:
            tell(user)
    later(minutes=2)
    begin, sent = threading.Barrier(4), []

    def work() -> None:
        begin.wait()
        try:
            sent.append(digests.send_due())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(sent) == 3
    assert sorted(message.to[0] for message in mail.outbox) == [user.email for user in people]


# ---------------------------------------------------------------- one click


def link_in(message: Any) -> str:
    return urlsplit(message.extra_headers["List-Unsubscribe"].strip("<>")).path


def test_one_click_ends_the_emails_of_these_topics(alice: Any, tell: Tell, later: Later) -> None:
    tell(alice)
    later(minutes=2)
    digests.send_due()
    (sent,) = mail.outbox
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    where, program = link_in(sent), Client(enforce_csrf_checks=True)
    assert where in sent.body
    assert "End these e-mails?" in program.get(where).content.decode()
    alice.refresh_from_db()
    assert preferences.wants(alice, "export", "email")  # a scanner that follows links changes nothing
    for _ in range(2):
        answer = program.post(where, {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, "Downloads" in answer.content.decode()) == (200, True)
    alice.refresh_from_db()
    assert not preferences.wants(alice, "export", "email")
    assert preferences.wants(alice, "training", "email")
    assert preferences.wants(alice, "export", "push")


@pytest.mark.parametrize("token", ["x", "WyJ4Il0:1abc:def", "%00", "ñ", "a:b:c"])
def test_a_link_that_we_did_not_sign_is_not_found(client: Any, db: None, token: str) -> None:
    for method in (client.get, client.post):
        assert method(f"/account/notices/unsubscribe/{token}/").status_code == 404


def test_the_link_of_an_erased_account_changes_nothing_and_says_the_same(client: Any, alice: Any) -> None:
    token = emails.token_of(alice, ["training"])
    alice.delete()
    assert client.post(f"/account/notices/unsubscribe/{token}/").status_code == 200
