"""Webhooks of fal: only a signed one of an open request changes anything, and it changes two columns."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

import pytest
from django.test import Client

from billing.engines import bells, webhooks
from billing.engines.models import RemoteRequest
from billing.engines.webhooks import AGAIN, Keys
from ml.remote.settings import Remote
from ml.remote.webhooks import KEEP_KEYS
from tests.remote.webhooks import Signing

pytestmark = pytest.mark.django_db


class Service:
    """fal's side: signs webhooks and publishes the keys. `asked`: how often the keys were fetched."""

    def __init__(self) -> None:
        self.signing, self.asked, self.now = Signing(), 0, 1e6
        self.published: bytes | None = None

    def jwks(self) -> bytes:
        self.asked += 1
        if self.published == b"":
            raise OSError("away")
        return self.published or json.dumps(self.signing.jwks()).encode()

    def post(self, row: RemoteRequest, said: str = "", **how: Any) -> int:
        at = how.pop("at", time.time())
        ident = said or row.request_id or "their-1"
        body = json.dumps({"request_id": ident, "status": "OK", "payload": how.pop("payload", {})}).encode()
        headers = self.signing.headers(body, ident, at, forged=how.pop("forged", False)) | how
        return Client().post(f"/hooks/fal/{row.id}", body, "application/json", headers=headers).status_code


@pytest.fixture
def fal(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Service:
    settings.REMOTES = {"fal": Remote("fal", ("a-key",), "http://127.0.0.1:1")}
    made = Service()
    monkeypatch.setattr(webhooks, "keys", Keys(made.jwks, lambda: made.now))
    return made


@pytest.fixture
def row(fal: Service) -> RemoteRequest:
    return asked(request_id="their-1")


def asked(**fields: Any) -> RemoteRequest:
    facts = {"service": "fal", "model": "fal-ai/flux-lora", "run_kind": "image", "work": "picture-5"}
    return RemoteRequest.objects.create(run_id=uuid.uuid4(), **(facts | {"state": "waiting"} | fields))


def facts(row: RemoteRequest) -> tuple[bool, str, str]:
    now = RemoteRequest.objects.get(id=row.id)
    return now.webhook_at is not None, now.request_id, now.state


def test_it_is_noted_once_and_twice_changes_nothing(fal: Service, row: RemoteRequest) -> None:
    assert fal.post(row) == 200
    assert facts(row) == (True, "their-1", "waiting")
    first = RemoteRequest.objects.get().webhook_at
    assert fal.post(row) == 200
    assert RemoteRequest.objects.get().webhook_at == first


def test_it_names_a_request_whose_answer_was_lost(fal: Service) -> None:
    lost = asked(state="sending")
    assert fal.post(lost, "their-7") == 200
    assert facts(lost) == (True, "their-7", "sending")


def test_a_late_one_and_one_of_another_request_change_nothing(fal: Service, row: RemoteRequest) -> None:
    over, other = asked(state="delivered", request_id="their-2"), asked(state="sending")
    assert [fal.post(over), fal.post(row, "their-2"), fal.post(other, "their-1")] == [200] * 3
    assert [facts(each)[0] for each in (over, row, other)] == [False] * 3
    assert facts(other)[1] == ""


@pytest.mark.parametrize(
    "how", [{"forged": True}, {"at": 0}, {"at": 9e9}, {"X-Fal-Webhook-Signature": "00"}], ids=str
)
def test_a_forged_or_stale_one_changes_nothing(fal: Service, row: RemoteRequest, how: dict[str, Any]) -> None:
    how = {"at": time.time() + 3600} if how == {"at": 9e9} else how  # a clock an hour off
    assert fal.post(row, **how) == 400
    assert facts(row)[0] is False


def test_one_of_ten_megabytes_is_refused(fal: Service, row: RemoteRequest) -> None:
    assert fal.post(row, payload={"images": "x" * 10_000_000}) in (400, 413)
    assert facts(row)[0] is False


def test_unknown_and_unconfigured_are_not_found(fal: Service, row: RemoteRequest, settings: Any) -> None:
    assert fal.post(RemoteRequest(id=uuid.uuid4(), request_id="their-1")) == 404
    settings.REMOTES = {}
    assert fal.post(row) == 404
    assert Client().get(f"/hooks/fal/{row.id}").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/hooks/fal/no-uuid").status_code == 404


def test_the_keys_are_fetched_once_a_day(fal: Service) -> None:
    for hours in (0, 1, 23):
        fal.now = 1e6 + hours * 3600
        assert fal.post(asked(request_id=f"their-{hours}")) == 200
    assert fal.asked == 1
    fal.now = 1e6 + KEEP_KEYS
    assert fal.post(asked(request_id="their-24")) == 200
    assert fal.asked == 2


def test_a_new_key_is_fetched_and_forgers_cannot_make_us_fetch(fal: Service, row: RemoteRequest) -> None:
    assert fal.post(asked(request_id="their-0")) == 200
    fal.signing.rotate()
    assert fal.post(row) == 400  # too soon after the last fetch: they send it again
    fal.now += AGAIN
    assert fal.post(row) == 200
    assert [fal.post(asked(request_id=f"their-{n}"), forged=True) for n in range(5, 9)] == [400] * 4
    assert fal.asked == 2
    assert fal.post(asked(request_id="their-9"), **{"X-Fal-Webhook-Signature": ""}) == 400


def test_without_keys_it_is_asked_to_come_again(fal: Service, row: RemoteRequest) -> None:
    fal.published = b""
    assert fal.post(row) == 503
    fal.published = b'{"keys": []}'
    fal.now += webhooks.SOON
    assert fal.post(row) == 503
    fal.published = None
    assert fal.post(row) == 503  # not fetched again at once
    fal.now += webhooks.SOON
    assert fal.post(row) == 200


def test_slow_keys_do_not_keep_it_waiting_a_second(fal: Service, row: RemoteRequest) -> None:
    given = threading.Event()

    def slow() -> bytes:
        given.wait(20)
        return fal.jwks()

    webhooks.keys._fetch = slow
    began = time.monotonic()
    assert fal.post(row) == 503
    assert time.monotonic() - began < 1
    given.set()
    webhooks.keys._fetching.join()  # type: ignore[union-attr]
    assert fal.post(row) == 200


def test_it_wakes_the_thread_that_waits(
    fal: Service, row: RemoteRequest, django_capture_on_commit_callbacks: Any
) -> None:
    bell, rung = bells.bells.of(str(row.id)), threading.Event()
    listening = bells.bells.of("listening")
    listening.event.wait(20)  # the subscription stands: it has rung every bell

    def wait() -> None:
        bell.event.clear()
        rung.set()
        bell.wait(20)

    thread = threading.Thread(target=wait)
    thread.start()
    rung.wait(5)
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        fal.post(row)
    thread.join()
    assert time.monotonic() - began < 5
