"""What a program does that follows the description's links: makes a thing, reads, changes and deletes it.
No step makes a server error, and every status is one that the description tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.test_schema import PATIENCE
from tests.test_web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers, pytest.mark.thorough]
WALKS, STEPS = 20, 12
# Hypothesis begins with the simplest walk. After a few it changes earlier ones, which have other answers now.
ONE_WALK = settings(
    max_examples=2,
    stateful_step_count=STEPS,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What ends the account, what everything needs, and the stream that has no end.
LEFT_OUT = r"^/api/v1/(me|events|consents/.*)$"


def test_every_link_leads_to_an_operation_and_fills_its_path() -> None:
    from config.web.schema import document

    found: Any = json.loads(document("en")[0])
    names = {op["operationId"]: path for path, ops in found["paths"].items() for op in ops.values()}
    links = [
        link
        for ops in found["paths"].values()
        for op in ops.values()
        for answer in op["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 80
    for link in links:
        assert all(f"{{{name}}}" in names[link["operationId"]] for name in link["parameters"])
        assert names[link["operationId"]].count("{") == len(link["parameters"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_walk_makes_a_server_error(number: int, tmp_path: Path, record_property: Any) -> None:
    web = Web(tmp_path)
    try:
        token = web.wait().sign_up("carol@example.com")
        for kind in json.loads(web.ask("GET", "/api/v1/consents", token=token)[2]):
            form = {"kind": kind["kind"], "version": kind["version"]}
            web.ask("POST", "/api/v1/consents", form, token=token)
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{web.port}/api/v1/openapi.json")
        machine = walker(schema.exclude(path_regex=LEFT_OUT), token)
        for walk in range(WALKS):
            seed(WALKS * number + walk)(machine)
            machine.run(settings=ONE_WALK)
        said = f"{len(machine.reached)} operations with success"
        record_property("said", f"schemathesis, walks of seed {number}: {said}")
        assert machine.faults == set()
        assert len(machine.reached) > 20
    finally:
        web.stop()


def walker(schema: Any, token: str) -> Any:
    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        reached: set[str] = set()
        faults: set[str] = set()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}"}, "timeout": PATIENCE}

        def validate_response(self, response: Any, case: Any, **_more: Any) -> None:
            """Faults are gathered: Hypothesis would repeat a walk that fails, and the site has changed. What
            is away here, as payments are, answers 503, which the description tells."""
            checks = [] if response.status_code == 503 else [not_a_server_error]
            try:
                case.validate_response(response, checks=[*checks, status_code_conformance])
            except FailureGroup as e:
                self.faults.add(f"{case.operation.label}: {str(e)[:400]}")
            if response.status_code < 300:
                self.reached.add(case.operation.label)

    return Walk
