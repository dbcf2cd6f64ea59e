"""Reports of errors: what a double of Sentry gets, byte for byte, and that nothing waits for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from config import logs, reports
from config.start import env
from tests.local_server import LocalServer

TYPED = "a heron over the lagoon, for ana@example.com"


class Double(LocalServer):
    def __init__(self) -> None:
        super().__init__(Taker)
        self.got: list[tuple[str, Any, bytes]] = []
        self.answer, self.headers = 200, dict[str, str]()


class Taker(BaseHTTPRequestHandler):
    server: Double

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers, body))
        self.send_response(self.server.answer)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as server:
        yield server


@pytest.fixture
def log(double: Double) -> Iterator[logging.Logger]:
    found = logging.getLogger("photoflux.reported")
    handler = reports.Sentry(f"http://public@127.0.0.1:{double.server_port}/7")
    found.addHandler(handler)
    yield found
    found.removeHandler(handler)


def fail(log: logging.Logger) -> None:
    try:
        try:
            raise KeyError(TYPED)
        except KeyError as error:
            raise ValueError(TYPED) from error
    except ValueError as error:
        log.exception("%s for %s", error, "ana@example.com")
    log.handlers[0].flush()


def test_an_error_arrives_with_its_frames_and_ids_and_nothing_that_was_typed(
    log: logging.Logger, double: Double
) -> None:
    log.warning("nothing of this")
    with logs.request("abc"), logs.run("image", "r1", "u1"):
        fail(log)
    ((path, headers, body),) = double.got
    assert path == "/api/7/envelope/"
    assert "sentry_key=public" in headers["X-Sentry-Auth"]
    _head, kind, event = map(json.loads, body.splitlines())
    assert kind == {"type": "event"}
    assert event["tags"] == {"http.request.id": "abc", "labels.run_kind": "image", "labels.run_id": "r1"}
    assert event["user"] == {"id": logs.pseudonym("u1")}
    assert [each["type"] for each in event["exception"]["values"]] == ["KeyError", "ValueError"]
    assert event["exception"]["values"][1]["stacktrace"]["frames"][-1]["function"] == "fail"
    assert b"heron" not in body
    assert b"example.com" not in body


def test_after_too_many_it_is_quiet_and_nothing_fails(log: logging.Logger, double: Double) -> None:
    double.answer, double.headers = 429, {"Retry-After": "60"}
    fail(log)
    fail(log)
    assert len(double.got) == 1


def test_a_server_that_is_away_or_broken_fails_nothing(log: logging.Logger, double: Double) -> None:
    double.answer = 500
    fail(log)
    double.server_close()
    log.handlers[0].place = reports.place("http://public@127.0.0.1:9/7")  # type: ignore[attr-defined]
    fail(log)
    assert len(double.got) == 1


def test_too_many_at_once_are_dropped(log: logging.Logger, double: Double) -> None:
    handler: Any = log.handlers[0]
    handler.emit(log.makeRecord("x", logging.ERROR, "", 0, "x", (), None))
    handler.sender.waiting.maxsize = 1
    for _ in range(9):
        handler.emit(log.makeRecord("x", logging.ERROR, "", 0, "x", (), None))
    handler.flush()
    assert 0 < len(double.got) < 10


@pytest.mark.parametrize(
    "said", ["https://HOST/1", "http://key@sentry.example/1", "key", "https://key@host/"]
)
def test_a_wrong_address_stops_the_start(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", said)
    with pytest.raises(env.Misconfigured, match="SENTRY_DSN is an address like"):
        env.dsn("SENTRY_DSN")


@pytest.mark.parametrize("said", ["8.8.8.0/24", "inside", "10.0.0.0/99", "10.0.0.1,0.0.0.0/0"])
def test_metrics_are_opened_to_private_networks_alone(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_FROM", said)
    with pytest.raises(env.Misconfigured, match="METRICS_FROM"):
        env.networks("METRICS_FROM")


def test_the_format_of_logs_is_json_or_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(env.Misconfigured, match="LOG_FORMAT is one of json, text"):
        env.one_of("LOG_FORMAT", "", "json", "text")
