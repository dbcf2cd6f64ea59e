"""Endpoints: added, changed, tested, replayed and deleted, by the API and on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from accounts.archive import members
from accounts.developers import webhooks
from accounts.developers.models import Delivery, Event, Webhook
from accounts.developers.tasks import deliver
from accounts.models import Export
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db
HOOKS, PAGE = "/api/v1/webhooks", "/account/developers/webhooks/"
FORM = {"url": "https://example.com/hook", "events": ["export.succeeded", "training.failed"]}


@pytest.fixture
def hook(alice: Any) -> Webhook:
    return webhooks.create_webhook(alice, **FORM)[0]


def test_an_endpoint_is_added_with_a_secret_that_is_shown_once(as_alice: Any) -> None:
    answer = as_alice.post(HOOKS, FORM, format="json")
    made = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    assert (made["enabled"], made["events"]) == (True, FORM["events"])
    row = Webhook.objects.get()
    assert made["secret"][6:].encode() not in bytes(row.secret)
    assert webhooks.secrets_of(row) == [made["secret"]]
    del made["secret"]
    assert as_alice.get(HOOKS).json()["results"] == [made]
    assert as_alice.get(f"{HOOKS}/{row.id}").json() == made


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "http://example.com/",
        "https://example.com:8443/",
        "https://10.0.0.1/",
        "https://0x7f.1/",
        "https://me:secret@example.com/",
        "https://example.com/#part",
        "https://exa mple.com/",
        "https://example.com/\0",
        "https://example.com/é",
        "https://" + "x" * 600 + ".com/",
        "https://[::1]/",
        "https://-.example/",
        "https://example.com:99999/",
        "javascript:alert(1)",
        7,
        None,
    ],
)
def test_a_bad_address_is_refused_with_a_sentence(as_alice: Any, url: Any) -> None:
    answer = as_alice.post(HOOKS, FORM | {"url": url}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"]["url"]
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("events", [[], ["x"], "export.failed", None, [None]])
def test_bad_events_are_refused(as_alice: Any, events: Any) -> None:
    assert as_alice.post(HOOKS, FORM | {"events": events}, format="json").status_code == 422


def test_an_address_is_used_once_and_there_are_at_most_ten(as_alice: Any, as_bob: Any, hook: Webhook) -> None:
    assert "url" in as_alice.post(HOOKS, FORM, format="json").json()["errors"]
    assert as_bob.post(HOOKS, FORM, format="json").status_code == 201
    for n in range(webhooks.MOST - 1):
        assert (
            as_alice.post(HOOKS, FORM | {"url": f"https://example.com/{n}"}, format="json").status_code == 201
        )
    answer = as_alice.post(HOOKS, FORM | {"url": "https://example.com/more"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_limit")


def test_it_is_changed_turned_off_and_on(as_alice: Any, hook: Webhook) -> None:
    where = f"{HOOKS}/{hook.id}"
    form = {"url": "https://example.com/other", "events": ["export.failed"]}
    assert as_alice.patch(where, form, format="json").json()["url"] == form["url"]
    webhooks.send_test(hook)
    shown = as_alice.patch(where, {"enabled": False}, format="json").json()
    assert (shown["enabled"], shown["disabled_because"]) == (False, "owner")
    assert Delivery.objects.get().status == "failed"
    for verb in ("test", "replay"):
        answer = as_alice.post(f"{where}/{verb}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")
    assert as_alice.patch(where, {"enabled": True}, format="json").json()["disabled_because"] is None
    assert as_alice.patch(where, {"url": "http://10.0.0.1"}, format="json").status_code == 422


def test_it_is_deleted_with_its_log_and_once(as_alice: Any, hook: Webhook) -> None:
    webhooks.send_test(hook)
    assert [as_alice.delete(f"{HOOKS}/{hook.id}").status_code for _ in range(2)] == [204, 404]
    assert not Delivery.objects.exists()


def test_a_strangers_webhook_is_not_found(as_bob: Any, hook: Webhook) -> None:
    where = f"{HOOKS}/{hook.id}"
    asked = [as_bob.get(where), as_bob.patch(where, {}, format="json"), as_bob.delete(where)]
    asked += [as_bob.post(f"{where}/{verb}", {}, format="json") for verb in ("test", "replay", "rotate")]
    asked.append(as_bob.get(f"{where}/deliveries"))
    assert {answer.status_code for answer in asked} == {404}
    assert as_bob.get(HOOKS).json()["results"] == []


def test_a_test_and_a_replay_are_in_the_log(
    as_alice: Any, alice: Any, settings: Any, work: Callable[[], int]
) -> None:
    settings.WEBHOOK_PRIVATE = True
    with Receiver() as receiver:
        made = as_alice.post(HOOKS, FORM | {"url": receiver.url("/ok")}, format="json").json()
        where = f"{HOOKS}/{made['id']}"
        sent = as_alice.post(f"{where}/test", {}, format="json")
        assert (sent.status_code, sent.json()["status"]) == (202, "pending")
        assert work() == 1
        one = {"delivery": sent.json()["id"]}
        assert as_alice.post(f"{where}/replay", one, format="json").json() == {"replayed": 1}
        assert as_alice.post(f"{where}/replay", one, format="json").json() == {"replayed": 0}  # on its way
        work()
        assert as_alice.post(f"{where}/replay", {}, format="json").json() == {"replayed": 0}  # none failed
        assert as_alice.post(f"{where}/replay", {"delivery": str(uuid4())}, format="json").status_code == 404
        ids = [taken.headers["webhook-id"] for taken in receiver.taken]
        Verifier(made["secret"]).verify(receiver.taken[0].body.decode(), receiver.taken[0].headers)
    log = as_alice.get(f"{where}/deliveries").json()["results"]
    assert [(each["type"], each["status"], each["next_at"]) for each in log] == [
        ("webhook.test", "delivered", None)
    ]
    assert [each["status"] for each in log[0]["attempts"]] == [200, 200]
    assert ids == [log[0]["message"]] * 2


def test_all_that_failed_is_replayed(hook: Webhook) -> None:
    for status in ("failed", "failed", "delivered", "pending"):
        Delivery.objects.create(webhook=hook, type="export.failed", body="{}", status=status, tries=10)
    assert webhooks.replay(hook) == 2
    assert Delivery.objects.filter(status="pending", tries=0, next_at__lte=timezone.now()).count() == 2


def test_a_new_secret_is_shown_once(as_alice: Any, hook: Webhook) -> None:
    answer = as_alice.post(f"{HOOKS}/{hook.id}/rotate", {}, format="json").json()
    hook.refresh_from_db()
    assert webhooks.secrets_of(hook)[0] == answer["secret"]
    assert len(webhooks.secrets_of(hook)) == 2
    assert answer["former_secret_until"]


def test_the_archive_holds_no_secret(alice: Any, hook: Webhook) -> None:
    webhooks.send_test(hook)
    secret = webhooks.secrets_of(hook)[0]
    found = {m.path: b"".join(m.chunks or []) for m in members(Export(user=alice, scope="everything"))}
    assert b"https://example.com/hook" in found["account/webhooks.json"]
    assert b"webhook.test" in found["account/webhook-deliveries.json"]
    sealed = bytes(hook.secret).hex().encode()
    assert not any(secret.encode() in text or sealed in text for text in found.values())
    assert b'"secret"' not in found["account/webhooks.json"]


# ---------------------------------------------------------------- pages


def test_the_pages_of_a_webhook(client: Any, alice: Any, settings: Any) -> None:
    client.force_login(alice)
    settings.WEBHOOK_PRIVATE = True
    with Receiver() as receiver:
        text = client.post(PAGE, FORM | {"url": receiver.url("/status/500")}).text
        hook = Webhook.objects.get()
        where = f"{PAGE}{hook.id}/"
        secret = webhooks.secrets_of(hook)[0]
        assert secret in text
        assert secret not in client.get(where).text
        assert client.post(f"{where}test/")["Location"] == where
        deliver()
    assert "webhook.test" in client.get(where).text
    assert "500" in client.get(where).text
    Delivery.objects.update(status="failed")
    assert "Send the 1 failed one again" in client.get(where).text
    client.post(f"{where}replay/", {"delivery": str(Delivery.objects.get().id)})
    assert Delivery.objects.get().status == "pending"
    assert "whsec_" in client.post(f"{where}rotate/").text
    client.post(f"{where}change/", {"act": "off"})
    assert "You turned it off." in client.get(where).text
    client.post(f"{where}change/", {"act": "on"})
    client.post(f"{where}change/", {"act": "boat"})
    assert "webhook.test" in client.get(where).text
    assert client.post(f"{where}change/", {"act": "delete"})["Location"] == PAGE
    assert client.get(where).status_code == 404


def test_a_refused_form_keeps_what_was_typed(client: Any, alice: Any) -> None:
    client.force_login(alice)
    answer = client.post(PAGE, {"url": "http://example.com/x", "events": [Event.EXPORT_FAILED]})
    assert answer.status_code == 422
    assert 'value="http://example.com/x"' in answer.text
    assert 'value="export.failed" checked' in answer.text
    assert "must begin with https://" in answer.text
