"""Requests about privacy without an account: number at once, proof by link, the staff's answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import exports
from accounts.privacy import requests
from accounts.privacy.models import PrivacyRequest
from moderation.models import AuditEntry
from tests.accounts.people import browser, link
from tests.rights import logged_in, staff_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("generous_limits")]
WHO = "nobody@example.com"


def ask(email: str = WHO, kind: str = "access", **more: str) -> Any:
    return browser().post("/privacy/request/", {"kind": kind, "email": email} | more)


def confirm(made: PrivacyRequest) -> Any:
    return browser().post(link(made.email), {"number": made.number})


def test_a_number_comes_at_once_and_a_link_by_mail() -> None:
    page = ask(details="a picture at https://evil.example/")
    made = PrivacyRequest.objects.get()
    assert made.number in page.text
    (sent,) = mail.outbox
    assert made.number in str(sent.body)
    assert "evil" not in str(sent.body)  # nothing that somebody typed
    assert made.proved_at is None


def test_opening_the_link_confirms_nothing_and_the_button_does_once() -> None:
    ask()
    made = PrivacyRequest.objects.get()
    assert made.number in browser().get(link(WHO)).text
    made.refresh_from_db()
    assert made.proved_at is None
    assert confirm(made).status_code == 302
    made.refresh_from_db()
    first = made.proved_at
    confirm(made)
    made.refresh_from_db()
    assert first == made.proved_at
    assert "Confirmed" in browser().get(link(WHO)).text


def test_a_link_opens_the_requests_of_its_address_alone() -> None:
    ask()
    ask("other@example.com")
    other = PrivacyRequest.objects.get(email="other@example.com")
    assert other.number not in browser().get(link(WHO)).text
    for number in (other.number, "", "P-\0", "x" * 5000):
        assert browser().post(link(WHO), {"number": number}).status_code == 404
    for token in ("x", "x:y:z", f"{link(WHO).split('/')[-2]}x"):
        assert browser().get(f"/privacy/request/{token}/").status_code == 404


def test_a_link_works_for_seven_days(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    ask()
    where, now = link(WHO), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8 * 86400)
    assert browser().get(where).status_code == 404


def test_nobody_uses_up_anothers_mails() -> None:
    """Three e-mails a day; whoever has the address confirms a later request with any of their links."""
    for _ in range(4):
        ask()
    assert len(mail.outbox) == 3
    newest = PrivacyRequest.objects.first()
    assert newest
    assert newest.mailed_at is None
    confirm(newest)
    newest.refresh_from_db()
    assert newest.proved_at


def test_too_many_requests_for_one_address_are_refused_and_the_form_keeps_its_words() -> None:
    for _ in range(requests.MOST):
        PrivacyRequest.objects.create(kind="access", email=WHO, language="en")
    answer = ask(details="my words")
    assert answer.status_code == 429
    assert "my words" in answer.text
    assert ask("other@example.com").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"email": "x"},
        {"kind": "x"},
        {"email": f"a@{'ä' * 240}.de"},
        {"details": "x" * 1001},
        {"details": "\0"},
    ],
)
def test_a_bad_form_is_shown_again_and_records_nothing(form: dict[str, str]) -> None:
    answer = browser().post("/privacy/request/", ({"kind": "access", "email": WHO} | form) if form else {})
    assert answer.status_code == 200
    assert 'class="wrong"' in answer.text
    assert not PrivacyRequest.objects.exists()
    assert mail.outbox == []


def test_the_answer_to_whoever_asks_tells_not_whether_there_is_an_account(alice: Any) -> None:
    pages = [
        ask(email).text.partition("<section")[2].partition("</section>")[0].replace(email, "")
        for email in (alice.email, WHO)
    ]
    numbers = PrivacyRequest.objects.order_by("asked_at").values_list("number", flat=True)
    assert len({page.replace(n, "") for page, n in zip(pages, numbers, strict=True)}) == 1


# ---------------------------------------------------------------- staff


def proved(**facts: Any) -> PrivacyRequest:
    facts = {"kind": "access", "email": WHO, "language": "en", "proved_at": timezone.now()} | facts
    return PrivacyRequest.objects.create(**facts)


def staff() -> Any:
    return logged_in(staff_with("accounts.view_privacyrequest", "accounts.change_privacyrequest"))


def answer(client: Any, made: PrivacyRequest, **form: str) -> Any:
    return client.post(f"/admin/accounts/privacyrequest/{made.id}/change/", form)


def test_staff_answer_once_and_it_is_mailed_and_on_record(django_capture_on_commit_callbacks: Any) -> None:
    made, client = proved(), staff()
    with django_capture_on_commit_callbacks(execute=True):
        assert answer(client, made, outcome="nothing").status_code == 302
    made.refresh_from_db()
    assert (made.outcome, bool(made.answered_at)) == ("nothing", True)
    assert "keep nothing" in str(mail.outbox[0].body)
    assert AuditEntry.objects.filter(verb="answer_privacy_request", detail=f"{made.number} nothing").exists()
    assert answer(client, made, outcome="done").status_code == 403
    made.refresh_from_db()
    assert made.outcome == "nothing"


def test_a_refusal_says_why_and_an_unproved_address_is_not_answered() -> None:
    made, client = proved(), staff()
    assert answer(client, made, outcome="refused").status_code == 200
    assert answer(client, made).status_code == 200
    assert answer(client, proved(proved_at=None), outcome="done").status_code == 403
    made.refresh_from_db()
    assert made.answered_at is None
    assert mail.outbox == []


def test_the_second_of_two_staff_changes_nothing(alice: Any) -> None:
    made = proved()
    requests.answer(made, actor=alice, outcome="done", reply="")
    with pytest.raises(requests.AlreadyAnswered):
        requests.answer(made, actor=alice, outcome="refused", reply="x")
    with pytest.raises(requests.NotProved):
        requests.answer(proved(proved_at=None), actor=alice, outcome="done", reply="")


def test_staff_see_the_clock(django_assert_max_num_queries: Any) -> None:
    proved(asked_at=timezone.now() - timedelta(days=31))
    proved(asked_at=timezone.now() - timedelta(days=10))
    page = staff().get("/admin/accounts/privacyrequest/").text
    assert "overdue since" in page
    assert "in 19 days" in page


def test_without_the_right_there_is_no_page() -> None:
    made = proved()
    assert logged_in(staff_with()).get("/admin/accounts/privacyrequest/").status_code == 403
    looker = logged_in(staff_with("accounts.view_privacyrequest"))
    assert answer(looker, made, outcome="done").status_code == 403


def test_the_owner_of_the_address_has_the_requests_in_the_archive(alice: Any) -> None:
    proved(email=alice.email, details="mine")
    proved(email="other@example.com", details="theirs")
    (member,) = exports.requests(alice)
    text = b"".join(member.chunks or [])
    assert b"mine" in text
    assert b"theirs" not in text
