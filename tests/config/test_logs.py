"""Log lines: one JSON object each, by ECS, from the request to the worker, and nothing that was typed."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery import signals
from django.test import Client

from config import logs
from config.runs import broker

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "elastic"
TYPED = "a heron over the lagoon at Torcello"


class Lines:
    def __init__(self) -> None:
        self.stream = StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, name: str, value: Any) -> list[dict[str, Any]]:
        return [row for row in self.rows if row.get(name) == value]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the processes of an installation would write."""
    found, root = Lines(), logging.getLogger()
    handler = logging.StreamHandler(found.stream)
    handler.setFormatter(logs.Json())
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO)
    yield found
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("photoflux.test")


@pytest.mark.django_db
def test_a_request_and_its_run_have_one_id_and_no_line_has_what_was_typed(
    trained: Any, lines: Lines, work: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    user = trained.user
    user.display_name = "Ana\nERROR forged line"
    user.save()
    client = Client()
    client.force_login(user)
    form = {"twin_id": str(trained.id), "kind": "image", "prompt": TYPED, "count": 1}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/api/v1/generations", form, content_type="application/json")
    assert answer.status_code == 202, answer.content
    ident = answer["X-Request-ID"]
    logs.enter(ident)  # as begin_task does
    work()
    logs.enter("")
    client.get("/accounts/password/reset/key/secret-token-of-a-mail/")
    client.get(f"/share/nothing-here-{TYPED.replace(' ', '-')}/")
    client.post("/accounts/login/", {"login": "typed@example.com", "password": TYPED})
    assert [
        row for row in lines.rows if row["log.logger"] == "django.request" and "http.request.id" not in row
    ] == []
    mine = lines.of("http.request.id", ident)
    run = answer.json()["id"]
    assert {"/api/v1/generations"} == {row["url.path"] for row in mine if "url.path" in row}
    assert {logs.pseudonym(user.pk)} == {row["user.hash"] for row in mine if "user.hash" in row}
    ended = [row for row in lines.of("labels.run_id", run) if row.get("event.action") == "run-ended"]
    assert [row["labels.status"] for row in ended] == ["succeeded"]
    for word in ("heron", "Torcello", "example.com", "secret-token", "forged", str(user.pk)):
        assert word not in lines.text


def test_the_id_travels_with_the_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("celery.app.base.Celery.send_task", lambda self, task, **said: sent.append(said))
    with logs.request("abc"):
        assert broker.enqueue("some.task", 1, "cpu")
    assert sent[0]["headers"] == {"request_id": "abc", "traceparent": ""}


def test_a_task_has_the_id_of_its_message(log: logging.Logger, lines: Lines) -> None:
    request = type("Request", (), {"request_id": "abc"})
    signals.task_prerun.send(sender=None, task=type("Task", (), {"request": request}))
    log.info("in it")
    signals.task_postrun.send(sender=None)
    log.info("after it")
    assert [row.get("http.request.id") for row in lines.rows] == ["abc", None]


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\u2028", "\x85", "\x0b"])
def test_a_line_stays_one_line(log: logging.Logger, lines: Lines, sign: str) -> None:
    log.warning("%s is not sent", f"Ana{sign}INFO all is well")
    assert len(lines.text.splitlines()) == 1
    record = log.makeRecord("x", logging.INFO, "", 0, "%s", ("Ana\nINFO",), None)
    assert len(logs.Text().format(record).splitlines()) == 1


def test_of_an_exception_the_type_and_the_stack_are_told(log: logging.Logger, lines: Lines) -> None:
    try:
        try:
            raise KeyError(TYPED)
        except KeyError as error:
            raise ValueError(f"cannot draw {TYPED}") from error
    except ValueError as error:
        log.exception("it failed: %s", error)
    (row,) = lines.rows
    assert (row["message"], row["error.type"]) == ("it failed: ValueError", "ValueError")
    assert "test_logs.py" in row["error.stack_trace"]
    assert "KeyError" in row["error.stack_trace"]
    assert TYPED not in lines.text


def test_of_celerys_lines_arguments_and_results_are_left_out(log: logging.Logger, lines: Lines) -> None:
    facts = {"name": "a.task", "id": "1", "exc": f"ValueError('{TYPED}')", "traceback": TYPED}
    log.error("Task %(name)s[%(id)s] raised: %(exc)s\n%(traceback)s", facts)
    assert "a.task" in lines.rows[0]["message"]
    assert TYPED not in lines.text


@pytest.mark.parametrize(
    "secret",
    ["ana@example.com", "eyJhbGci.eyJzdWIi.c2ln", "pf_ab12_secretsecret", "Bearer abcdef", "+34 600 123 456"],
)
def test_addresses_tokens_and_numbers_are_hidden_wherever_they_are(
    log: logging.Logger, lines: Lines, secret: str
) -> None:
    log.warning("told %s of it", secret)
    assert secret not in lines.text
    assert "of it" in lines.text


def test_a_proxys_id_is_taken_only_behind_a_proxy(client: Client, settings: Any) -> None:
    said = {"X-Request-ID": "0123456789abcdef"}
    assert client.get("/healthz", headers=said)["X-Request-ID"] != said["X-Request-ID"]
    settings.PROXIES = 1
    assert client.get("/healthz", headers=said)["X-Request-ID"] == said["X-Request-ID"]
    assert client.get("/healthz", headers={"X-Request-ID": "a\tb" * 9})["X-Request-ID"].isalnum()


def test_the_format_is_text_at_a_terminal_and_else_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    assert isinstance(logs.formatter(), logs.Json)
    monkeypatch.setenv("LOG_FORMAT", "text")
    assert isinstance(logs.formatter(), logs.Text)
    assert os.environ["LOG_FORMAT"] == "text"


# ---------------------------------------------------------------- Filebeat and the index


def mapped(properties: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, about in properties.items():
        if "properties" in about:
            yield from mapped(about["properties"], f"{before}{name}.")
        else:
            yield before + name


def test_the_index_has_a_place_for_every_name(log: logging.Logger, lines: Lines) -> None:
    template = json.loads((DEPLOY / "index-template.json").read_text())
    known = set(mapped(template["template"]["mappings"]["properties"]))
    with logs.request("abc"), logs.run("image", "1", "2"):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            log.exception("full", extra={"ecs": {"url.path": "/", "unknown": 1}})
    (row,) = lines.rows
    assert "unknown" not in row
    assert "No space left" in row["error.message"]
    assert set(row) | logs.FIELDS <= known


def test_filebeat_reads_lines_of_json_into_that_index() -> None:
    said = yaml.safe_load((DEPLOY / "filebeat.yml").read_text())
    (source,) = said["filebeat.inputs"]
    assert source["parsers"][0]["ndjson"]["expand_keys"] is True
    template = json.loads((DEPLOY / "index-template.json").read_text())
    index = said["output.elasticsearch"]["index"]
    assert any(index.startswith(pattern.rstrip("*")) for pattern in template["index_patterns"])
    assert said["output.elasticsearch"]["action"] == "create"
