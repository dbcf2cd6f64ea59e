"""Traces: what a double of a collector gets for a request, its run and the engine's stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from config import traces
from tests.config.test_reports import Double

TYPED = "a heron over the lagoon"


@pytest.fixture
def double(settings: Any) -> Iterator[Double]:
    with Double() as server:
        settings.TRACES_TO = f"http://127.0.0.1:{server.server_port}"
        yield server


def spans(double: Double) -> list[dict[str, Any]]:
    traces.sender().flush()
    bodies = [json.loads(body) for path, _headers, body in double.got if path == "/v1/traces"]
    return [s for body in bodies for r in body["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]]


@pytest.mark.django_db
def test_one_trace_leads_from_the_request_to_the_stages_of_the_engine(
    trained: Any, double: Double, wake_ups: list[Any], work: Callable[[], int], capture: Any
) -> None:
    client = Client()
    client.force_login(trained.user)
    form = {"twin_id": str(trained.id), "kind": "image", "prompt": TYPED, "count": 1}
    with capture(execute=True):
        answer = client.post("/api/v1/generations", form, content_type="application/json")
    (request,) = [span for span in spans(double) if span["kind"] == traces.SERVER]
    assert request["name"] == "POST /api/v1/generations"
    assert request["traceId"] == answer["X-Request-ID"]
    traces.enter(f"00-{request['traceId']}-{request['spanId']}-01")  # as begin_task does
    work()
    traces.enter("")
    found = [span for span in spans(double) if span["traceId"] == request["traceId"]]
    (run,) = [span for span in found if span["kind"] == traces.CONSUMER]
    stages = [span for span in found if span["kind"] == traces.INTERNAL]
    assert (run["name"], run["parentSpanId"]) == ("run image", request["spanId"])
    assert stages
    assert {span["parentSpanId"] for span in stages} == {run["spanId"]}
    assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for span in found)
    assert not any(b"heron" in body or b"example.com" in body for _path, _headers, body in double.got)


@pytest.fixture
def capture(django_capture_on_commit_callbacks: Any) -> Any:
    return django_capture_on_commit_callbacks


def test_a_wake_up_carries_where_it_comes_from(settings: Any) -> None:
    settings.TRACES_TO = "http://127.0.0.1:9"
    with traces.span("one", trace="a" * 32) as one:
        assert one
        assert traces.header() == f"00-{'a' * 32}-{one.place.span}-01"
    assert traces.header() == ""


def test_an_error_is_marked_and_a_collector_that_is_away_fails_nothing(settings: Any, double: Double) -> None:
    with pytest.raises(ValueError, match="x"), traces.span("it fails"):
        raise ValueError("x")
    assert [span["status"]["code"] for span in spans(double)] == [traces.ERROR]
    settings.TRACES_TO = "http://127.0.0.1:9"
    with traces.span("lost"):
        pass
    traces.sender().flush()


def test_without_a_collector_nothing_is_made(settings: Any) -> None:
    settings.TRACES_TO = ""
    with traces.span("one") as one:
        assert (one, traces.header()) == (None, "")


@pytest.mark.parametrize("said", ["", "00-x-y-01", "00-" + "a" * 32 + "-" + "b" * 16, "é"])
def test_a_bad_parent_begins_a_new_trace(said: str, settings: Any) -> None:
    settings.TRACES_TO = "http://127.0.0.1:9"
    traces.enter(said)
    found = traces.begin("one")
    assert found
    assert found.parent == ""
