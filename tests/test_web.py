"""A real web server process, tested over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from config.start import processes
from tests.conftest import confirmed
from tests.processes import database_url, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]
ROOT = Path(__file__).resolve().parent.parent


class Web:
    """A web process on the test's database. `environment` holds further settings for it."""

    def __init__(self, folder: Path, python: str = sys.executable, port: int = 0, **environment: str) -> None:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
            self.port = free.getsockname()[1]
        env = (
            {"ORIGIN": f"http://127.0.0.1:{self.port}"}
            | os.environ
            | environment
            | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings_test"}
        )
        command = (python, *processes.web("127.0.0.1", self.port).argv[1:])
        with (folder / f"web-{self.port}.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)

    def wait(self) -> Web:
        wait_for(self.answers)
        return self

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            assert self.process.poll() is None, "the web server has ended"
            return False

    def ask(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body)."""
        response = self.send(method, path, body, token, **headers)
        return response.status, dict(response.getheaders()), response.read()

    def send(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> http.client.HTTPResponse:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        line.request(method, path, None if body is None else json.dumps(body), headers)
        return line.getresponse()

    def sign_up(self, email: str) -> str:
        status, _headers, body = self.ask(
            "POST", "/_allauth/app/v1/auth/signup", {"email": email, "password": "a long password"}
        )
        assert status == 200, body
        return str(json.loads(body)["meta"]["access_token"])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def webs(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Web]]:
    """Two web processes on one database, for all tests of this file."""
    folder = tmp_path_factory.mktemp("webs")
    started = [Web(folder), Web(folder)]
    try:
        yield [w.wait() for w in started]
    finally:
        for w in started:
            w.stop()


OPENING = ["snapshot", "notices", "credits", "tickets"]  # what a stream begins with


def events(stream: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    """(name, data) of each server-sent event."""
    name = ""
    for line in stream:
        text = line.decode().strip()
        if text.startswith("event: "):
            name = text[7:]
        elif text.startswith("data: "):
            yield name, json.loads(text[6:])


def test_a_change_made_through_one_process_reaches_the_streams_of_another(webs: list[Web]) -> None:
    token = webs[0].sign_up("carol@example.com")
    stream = events(webs[1].send("GET", "/api/v1/events", token=token))
    assert next(stream) == ("snapshot", [])
    assert next(stream) == ("notices", {"unread": 0})
    assert next(stream) == ("credits", {"available": 3, "held": 0})
    assert next(stream) == ("tickets", {"at": None, "waiting": 0})
    status, _headers, body = webs[0].ask("POST", "/api/v1/exports", {"filter": {}}, token=token)
    assert status == 202, body
    name, run = next(stream)
    assert (name, run["id"], run["kind"], run["status"]) == (
        "run",
        json.loads(body)["id"],
        "export",
        "queued",
    )
    again = events(webs[0].send("GET", "/api/v1/events", token=token))
    assert [r["id"] for r in next(again)[1]] == [run["id"]]


def test_fifty_requests_at_once_with_one_key_are_one_job_and_one_hold(
    webs: list[Web], wake_ups: list[Any]
) -> None:
    from accounts.models import User
    from billing import audit, ledger
    from generation.models import Job
    from tests.test_workers import trained_twin

    token = webs[0].sign_up("carol@example.com")
    carol = confirmed(User.objects.get(email="carol@example.com"))
    asked = {"twin": str(trained_twin(carol).id), "prompt": "in a park", "count": 2}

    def ask(n: int) -> tuple[int, str]:
        status, _headers, body = webs[n % 2].ask(
            "POST", "/api/v1/generations", asked, token=token, **{"Idempotency-Key": "k"}
        )
        return status, json.loads(body).get("id", "")

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(ask, range(50)))
    assert answers == {(202, str(Job.objects.get().id))}
    assert ledger.balance(ledger.wallet_of(carol)).held == 2
    assert audit.problems() == []


def test_a_stream_carries_ones_own_runs_alone(webs: list[Web]) -> None:
    carol, dave = (webs[0].sign_up(f"{name}@example.com") for name in ("carol", "dave"))
    stream = events(webs[1].send("GET", "/api/v1/events", token=dave))
    assert [next(stream)[0] for _ in OPENING] == OPENING
    webs[0].ask("POST", "/api/v1/exports", {"filter": {}}, token=carol)
    own = json.loads(webs[0].ask("POST", "/api/v1/exports", {"filter": {}}, token=dave)[2])["id"]
    assert next(stream)[1]["id"] == own


def test_without_redis_a_stream_says_so_and_the_next_one_begins_with_a_snapshot(webs: list[Web]) -> None:
    from tests.plugin import SERVICES

    token, redis = webs[0].sign_up("carol@example.com"), SERVICES[1]
    stream = events(webs[0].send("GET", "/api/v1/events", token=token))
    assert [next(stream)[0] for _ in OPENING] == OPENING
    redis.stop()
    try:
        assert list(stream) == [("away", {"detail": "poll"})]
        assert (
            webs[0].ask("GET", "/api/v1/exports/00000000-0000-0000-0000-000000000000", token=token)[0] == 404
        )
    finally:
        redis.start()
    status, _headers, body = webs[1].ask("POST", "/api/v1/exports", {"filter": {}}, token=token)
    assert status == 202

    def back() -> bool:
        name, runs = next(events(webs[0].send("GET", "/api/v1/events", token=token)))
        return name == "snapshot" and [r["id"] for r in runs] == [json.loads(body)["id"]]

    wait_for(back)


def log_out(web: Web, user: Any, token: str) -> None:
    web.ask("DELETE", "/_allauth/app/v1/auth/session", token=token)


def end_from_another(web: Web, user: Any, token: str) -> None:
    from allauth.usersessions.models import UserSession

    UserSession.objects.get(user=user).end()


def change_password(web: Web, user: Any, token: str) -> None:
    user.set_password("another long password")
    user.save()


def disable(web: Web, user: Any, token: str) -> None:
    user.is_active = False
    user.save()


def delete(web: Web, user: Any, token: str) -> None:
    user.delete()


@pytest.mark.parametrize("end", [log_out, end_from_another, change_password, disable, delete])
def test_a_stream_ends_with_the_right_to_it(webs: list[Web], end: Any) -> None:
    from django.contrib.auth import get_user_model

    token = webs[0].sign_up("carol@example.com")
    carol = get_user_model().objects.get(email="carol@example.com")
    stream = events(webs[1].send("GET", "/api/v1/events", token=token))
    assert [next(stream)[0] for _ in OPENING] == OPENING
    start = time.monotonic()
    end(webs[0], carol, token)
    assert list(stream) == []
    assert time.monotonic() - start < 5  # without the message it ends at the next ping, after 15 s


def test_nobody_hears_anything_without_a_token(webs: list[Web]) -> None:
    status, headers, body = webs[0].ask("GET", "/api/v1/events")
    assert (status, headers["content-type"], json.loads(body)["code"]) == (
        401,
        "application/problem+json",
        "not_authenticated",
    )


def test_a_picture_comes_in_ranges(webs: list[Web]) -> None:
    from django.contrib.auth import get_user_model

    from gallery.models import Item
    from gallery.services import save_item
    from tests.studio import paint

    token = webs[0].sign_up("carol@example.com")
    item = Item(
        user=get_user_model().objects.get(email="carol@example.com"), width=64, height=64, size=0, etag=""
    )
    data = paint(b"", 1)
    for name, value in save_item(item.user_id, item.id, data).items():
        setattr(item, name, value)
    item.save()
    where = f"/api/v1/items/{item.id}/content"
    assert webs[0].ask("GET", where, token=token)[2] == data
    status, headers, body = webs[1].ask("GET", where, token=token, Range="bytes=5-14")
    assert (status, body, headers["content-range"]) == (206, data[5:15], f"bytes 5-14/{len(data)}")


def test_a_deleted_user_is_out_at_once(webs: list[Web]) -> None:
    from django.contrib.auth import get_user_model

    token = webs[0].sign_up("carol@example.com")
    assert webs[0].ask("GET", "/api/v1/me", token=token)[0] == 200
    get_user_model().objects.get(email="carol@example.com").delete()
    assert webs[0].ask("GET", "/api/v1/me", token=token)[0] == 401


def test_ready_says_what_is_missing(webs: list[Web]) -> None:
    status, _headers, body = webs[0].ask("GET", "/readyz")
    assert (status, json.loads(body)) == (200, {"database": True, "redis": True})


def test_a_body_that_is_too_large_is_refused_before_it_is_read(webs: list[Web]) -> None:
    token = webs[0].sign_up("carol@example.com")
    line = http.client.HTTPConnection("127.0.0.1", webs[0].port, timeout=120)
    line.putrequest("POST", "/api/v1/verify")
    for name, value in (
        ("Authorization", f"Bearer {token}"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Length", str(10**10)),
    ):
        line.putheader(name, value)
    line.endheaders()
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "file_too_large")


def test_a_body_of_no_told_length_is_cut_off_at_the_limit(webs: list[Web]) -> None:
    """Sends one chunk more than the limit, so that all is sent before the answer is read."""
    token = webs[0].sign_up("carol@example.com")
    line = http.client.HTTPConnection("127.0.0.1", webs[0].port, timeout=120)
    pieces = (b"x" * 2**20 for _ in range(26))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=x"}
    line.request(
        "POST", "/api/v1/verify", pieces, {**headers, "Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "file_too_large")
    assert webs[0].ask("GET", "/healthz")[0] == 200
